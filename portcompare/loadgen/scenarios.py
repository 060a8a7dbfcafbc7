"""The user classes of a plan's scenarios, from its locustfile or from its requests."""

import sys
from dataclasses import replace
from pathlib import Path

from locust import User
from locust.util.load_locustfile import load_locustfile

from portcompare.http.login import steps_of
from portcompare.http.requests import with_query
from portcompare.loadgen.declare import Problem, find_problem, find_unfilled, weights_of
from portcompare.loadgen.user import LeanUser
from portcompare.wire import protocol as wire


def load_scenarios(order: wire.Prepare) -> tuple[dict[str, type[User]], wire.Prepared]:
    """Load the scenarios' user classes, by scenario."""
    problems: dict[str, Problem] = {}
    found: dict[str, type[User]] = {}
    named = [name for name, source in order.scenarios.items() if source.user is not None]
    known: dict[str, type[User]] = {}
    if named and order.locustfile is not None:
        # Searched last (this process runs with -P), so that no file there hides what Locust needs.
        sys.path.append(str(Path.cwd()))
        try:
            known, _ = load_locustfile(order.locustfile)
        except BaseException as error:  # noqa: BLE001 - whatever a user's file raises is reported, not lost
            # A SyntaxError's own text names the line.
            reason = f"the locustfile cannot be loaded: {type(error).__name__}: {error}"
            problems = dict.fromkeys(named, (reason, f"correct {order.locustfile}"))
    for name, source in order.scenarios.items():
        if name in problems:
            continue
        user = known.get(source.user or "")
        if source.requests:
            own = {"requests": dict(source.requests), "login": source.login, "abstract": False}
            user = type(name, (LeanUser,), own)
        if problem := _find_problem(source, user, known):
            problems[name] = problem
        elif user is not None:
            found[name] = _with_query(user, source)
    lean = {name: user for name, user in found.items() if issubclass(user, LeanUser)}
    return found, wire.Prepared(
        requests={
            name: tuple(replace(request, login=steps_of(user.login, 0)) for request in weights_of(user))
            for name, user in lean.items()
        },
        problems=problems,
        logins={name: tuple(map(tuple, user.login)) for name, user in lean.items()},
        to_capture=tuple(name for name in found if name not in lean),
        # Not those with tasks or waiting times of their own.
        can_take_turns=tuple(
            name
            for name, user in lean.items()
            if user.tasks == LeanUser.tasks and user.wait_time is LeanUser.wait_time
        ),
    )


def _with_query(user: type[User], source: wire.ScenarioSource) -> type[User]:
    if source.query is None or not issubclass(user, LeanUser):
        return user
    requests = {with_query(request, *source.query): weight for request, weight in weights_of(user).items()}
    return type(user.__name__, (user,), {"requests": requests, "abstract": False})


def _find_problem(
    source: wire.ScenarioSource, user: type[User] | None, known: dict[str, type[User]]
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
