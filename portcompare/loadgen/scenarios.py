"""From the plan's scenarios to Locust user classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from locust.util.load_locustfile import load_locustfile

from portcompare.loadgen.mix import weights_of
from portcompare.loadgen.user import LeanUser, find_problem
from portcompare.protocol import Prepared, ScenarioSource

if TYPE_CHECKING:
    from locust import User

    from portcompare.protocol import Prepare


def prepare(order: Prepare) -> tuple[dict[str, type[LeanUser]], Prepared]:
    """Load the scenarios' user classes.

    Args:
        order: Which scenarios, and from where.

    Returns:
        The user class of each scenario that is in order, and the reply to the harness.
    """
    problems: dict[str, tuple[str, str]] = {}
    found: dict[str, type[LeanUser]] = {}
    named = {name: source.user for name, source in order.scenarios.items() if source.user is not None}
    known: dict[str, type[User]] = {}
    if named and order.locustfile is not None:
        try:
            known, _ = load_locustfile(order.locustfile)
        except BaseException as error:  # noqa: BLE001 - whatever a user's file raises is reported, not lost
            # A SyntaxError's own text names the line.
            said = f"{type(error).__name__}: {error}"
            remedy = f"correct {order.locustfile}"
            problems |= dict.fromkeys(named, (f"the locustfile cannot be loaded: {said}", remedy))
            named = {}
    for name, source in order.scenarios.items():
        if name in problems:
            continue
        user = _from_request(name, source) or known.get(source.user or "")
        problem = _find_problem(source, user, known)
        if problem is not None:
            problems[name] = problem
        elif user is not None and issubclass(user, LeanUser):
            found[name] = user
    return found, Prepared(
        requests={name: tuple(weights_of(user)) for name, user in found.items()}, problems=problems
    )


def _from_request(name: str, source: ScenarioSource) -> type[LeanUser] | None:
    if source.request is None:
        return None
    return type(name, (LeanUser,), {"request": source.request, "abstract": False})


def _find_problem(
    source: ScenarioSource, user: type[User] | None, known: dict[str, type[User]]
) -> tuple[str, str] | None:
    if user is None:
        listed = ", ".join(sorted(known)) or "none"
        return f"there is no user class {source.user!r}", f"the locustfile's user classes: {listed}"
    if not issubclass(user, LeanUser):
        return f"{source.user} is not a LeanUser", "derive it from portcompare.loadgen.LeanUser"
    return find_problem(user)
