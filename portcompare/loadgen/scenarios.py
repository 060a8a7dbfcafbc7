"""From the plan's scenarios to Locust user classes."""

from dataclasses import replace

from locust import User
from locust.util.load_locustfile import load_locustfile

from portcompare.http.requests import with_query
from portcompare.loadgen.declare import Problem, find_problem, find_unfilled, steps_of, weights_of
from portcompare.loadgen.user import LeanUser
from portcompare.records.requests import RequestSpec
from portcompare.wire.protocol import Prepare, Prepared, ScenarioSource


def load_scenarios(order: Prepare) -> tuple[dict[str, type[User]], Prepared]:
    """Load the scenarios' user classes, by scenario."""
    problems: dict[str, Problem] = {}
    found: dict[str, type[User]] = {}
    named = [name for name, source in order.scenarios.items() if source.user is not None]
    known: dict[str, type[User]] = {}
    if named and order.locustfile is not None:
        try:
            known, _ = load_locustfile(order.locustfile)
        except BaseException as error:  # noqa: BLE001 - whatever a user's file raises is reported, not lost
            # A SyntaxError's own text names the line.
            reason = f"the locustfile cannot be loaded: {type(error).__name__}: {error}"
            problems = dict.fromkeys(named, (reason, f"correct {order.locustfile}"))
    for name, source in order.scenarios.items():
        if name in problems:
            continue
        user = _from_requests(name, source) if source.requests else known.get(source.user or "")
        problem = _find_problem(source, user, known)
        if problem is not None:
            problems[name] = problem
        elif user is not None:
            found[name] = _with_query(user, source)
    lean = {name: user for name, user in found.items() if issubclass(user, LeanUser)}
    return found, Prepared(
        requests={name: _requests_of(user) for name, user in lean.items()},
        problems=problems,
        to_capture=tuple(name for name in found if name not in lean),
    )


def _requests_of(user: type[LeanUser]) -> tuple[RequestSpec, ...]:
    login = steps_of(user.login, 0)
    return tuple(replace(request, login=login) for request in weights_of(user))


def _from_requests(name: str, source: ScenarioSource) -> type[LeanUser]:
    own = {"requests": dict(source.requests), "login": source.login, "abstract": False}
    return type(name, (LeanUser,), own)


def _with_query(user: type[User], source: ScenarioSource) -> type[User]:
    if source.query is None or not issubclass(user, LeanUser):
        return user
    requests = {with_query(request, *source.query): weight for request, weight in weights_of(user).items()}
    return type(user.__name__, (user,), {"requests": requests, "abstract": False})


def _find_problem(
    source: ScenarioSource, user: type[User] | None, known: dict[str, type[User]]
) -> Problem | None:
    if user is None:
        listed = ", ".join(sorted(known)) or "none"
        return f"there is no user class {source.user!r}", f"the locustfile's user classes: {listed}"
    if issubclass(user, LeanUser):
        # The plan's own placeholders are filled by now; braces left over came with the values.
        return find_problem(user) or (find_unfilled(user) if source.user is not None else None)
    if source.is_paced:
        found = f"{source.user} is no LeanUser, and no other class sends a request when it is due"
        return found, "load it by `users`, or derive it from portcompare.loadgen.LeanUser"
    return None
