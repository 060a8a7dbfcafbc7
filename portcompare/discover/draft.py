"""What a first plan says: names, servers, scenarios."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from itertools import chain, count

from portcompare.discover.project import WITHOUT_PORTING, Choice, choose_server, look_at_server
from portcompare.discover.records import Found, FoundApp, Route
from portcompare.discover.routes import Ask, Asks, sort_routes

MOST_SINGLE = 3
"""Up to so many routes have a scenario each; of more, none would get enough rounds in the time there is."""

LEVELS = (1, 32)
"""Users: one, for how fast it is, and many, for what it can take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A deployment of a first plan."""

    name: str  # Its name
    app: str  # The app's name
    choice: Choice  # Its server


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftScenario:
    """A scenario of a first plan and its user class."""

    name: str  # Its name
    user: str  # The class's name
    asks: tuple[Ask, ...]  # What it asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a first plan says."""

    found: Found  # What it is made from
    baseline: Served  # The deployment compared against
    candidate: Served  # The deployment compared with it: the port, or else the same app on another server
    scenarios: tuple[DraftScenario, ...]  # What is measured
    asks: Asks  # What of the routes is asked, and what is not

    @property
    def apps(self) -> dict[str, FoundApp]:
        """The apps by name."""
        found = self.found
        return {"flask": found.baseline} | ({"quart": found.candidate} if found.candidate else {})

    @property
    def to_install(self) -> tuple[str, ...]:
        """What installs what the servers lack; of a side that was not imported that is not known."""
        missing: dict[str, list[str]] = {}
        for served in (self.baseline, self.candidate):
            app = self.apps[served.app]
            if not app.problem:
                missing.setdefault(str(app.python), []).extend(served.choice.missing)
        return tuple(
            f"{python} -m pip install {' '.join(dict.fromkeys(names))}"
            for python, names in missing.items()
            if names
        )


def draft_plan(found: Found) -> Draft:
    """Decide what a first plan says."""
    asks = sort_routes(found.baseline, found.candidate)
    baseline = choose_server("flask", found.baseline.installed)
    if found.candidate is None:
        app, candidate = "flask", look_at_server(WITHOUT_PORTING, found.baseline.installed)
    else:
        app, candidate = "quart", choose_server("quart", found.candidate.installed)
    return Draft(
        found=found,
        baseline=Served(name=f"flask-{baseline.server}", app="flask", choice=baseline),
        candidate=Served(name=f"{app}-{candidate.server}", app=app, choice=candidate),
        scenarios=tuple(_scenarios(asks.load or (_front(asks),))),
        asks=asks,
    )


def _front(asks: Asks) -> Ask:
    """What is asked for where nothing else is known."""
    path = asks.ready_path or "/"
    return Ask(
        route=Route(rule=path, endpoint="front", methods=("GET",), converters={}, path=path), method="GET"
    )


def _scenarios(asks: tuple[Ask, ...]) -> list[DraftScenario]:
    if len(asks) > MOST_SINGLE:
        return [DraftScenario(name="all-routes", user="AllRoutes", asks=asks)]
    scenarios: list[DraftScenario] = []
    for ask in asks:
        user = class_name(ask.route.endpoint, {scenario.user.lower() for scenario in scenarios})
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", user).lower()
        scenarios.append(DraftScenario(name=name, user=user, asks=(ask,)))
    return scenarios


def class_name(endpoint: str, taken: set[str]) -> str:
    """A name for the user class of a route."""
    whole = _camel(endpoint)
    numbered = (f"{whole}{number}" for number in count(2))
    names = chain([_camel(endpoint.rpartition(".")[2]), whole], numbered)
    return next(name for name in names if name.lower() not in taken)


def _camel(text: str) -> str:
    name = "".join(word[0].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text))
    is_usable = name.isidentifier() and not keyword.iskeyword(name) and name != "LeanUser"
    return name if is_usable else f"Route{name}"
