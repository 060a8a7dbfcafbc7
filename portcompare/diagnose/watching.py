"""Servers whose apps are watched from inside, and what these have seen."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portcompare.masking import mask_passwords
from portcompare.plan import Plan
from portcompare.plan.apps import ARM
from portcompare.serve.copies import name_original
from portcompare.serve.servers import APP_PYTHON

PROBE = "/portcompare-probe"
"""No app has it: a request for nothing, which a free server refuses at once."""

_TARGET = "portcompare_watch:app"
_FILE = "{}-{}.json"
Place = tuple[str, int, str, str]
"""File, line, function and what is called there."""


def watch_apps(plan: Plan, folder: Path) -> Plan:
    """A plan whose apps are imported through what watches them; servers that run already are not."""
    apps = {
        name: app
        if app.target is None or app.interface is None
        else app.model_copy(
            update={
                "target": _TARGET,
                "pythonpath": [*app.pythonpath, APP_PYTHON],
                "environment": app.environment
                | {
                    "PORTCOMPARE_WATCH": str(folder.resolve() / _FILE.format(ARM, "{pid}")),
                    "PORTCOMPARE_WATCHED": app.target,
                    "PORTCOMPARE_INTERFACE": app.interface,
                },
            }
        )
        for name, app in plan.apps.items()
    }
    return plan.model_copy(update={"apps": apps})


def forget(folder: Path, arm: str) -> None:
    """Have an arm's processes forget what they have seen until now."""
    (folder / _FILE.format(arm, "begin")).touch()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the processes of one server have seen."""

    processes: tuple[Mapping[str, Any], ...]  # as each has written it

    @property
    def seconds(self) -> float:
        """How long it was watched."""
        return max((one["seconds"] for one in self.processes), default=0.0)

    @property
    def look_s(self) -> float:
        """For how long each look at an event loop stands."""
        looks = sum(int(one["looks"]) for one in self.processes)
        return sum(one["seconds"] for one in self.processes) / looks if looks else 0.0

    def network_s(self, probe_s: float) -> float:
        """What a request for nothing, which took so long without load, spent outside the app."""
        number, handled_s = (sum(one["idle"][place] for one in self.processes) for place in (0, 1))
        return max(probe_s - handled_s / number, 0.0) if number else probe_s

    @property
    def routes(self) -> dict[str, tuple[int, float, float]]:
        """By route: how many requests were handled, how long in all, and how long they ran themselves."""
        found: dict[str, tuple[int, float, float]] = {}
        for one in self.processes:
            for route, (number, handled_s, ran_s) in one["routes"].items():
                before = found.get(route, (0, 0.0, 0.0))
                found[route] = (before[0] + int(number), before[1] + handled_s, before[2] + ran_s)
        return found

    def rows(self, kind: str) -> Iterator[Any]:
        """The rows of one kind, of all processes."""
        for one in self.processes:
            yield from one[kind]

    def most(self, kind: str) -> int:
        """The largest number that a process has seen of something."""
        return max((int(one[kind]) for one in self.processes), default=0)

    def total(self, kind: str) -> int:
        """The sum over all processes."""
        return sum(int(one[kind]) for one in self.processes)

    @property
    def stacks(self) -> dict[Place, tuple[str, ...]]:
        """The app's frames at a place, outermost first."""
        return {place_of(place): tuple(stack) for place, stack in self.rows("stacks")}


def place_of(row: Iterable[Any]) -> Place:
    """A place, as it stands in what was written."""
    file, line, function, call = row
    return str(file), int(line), str(function), str(call)


def read_seen(folder: Path, arm: str) -> Seen:
    """What the processes of an arm have written last; those that handled nothing are left out."""
    found = []
    for path in sorted(folder.glob(_FILE.format(arm, "*"))):
        with suppress(OSError, ValueError):  # it has just ended, in the midst of writing
            found.append(json.loads(path.read_text(encoding="utf-8")))
    return Seen(processes=tuple(one for one in found if one["routes"] or one["states"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedApp:
    """An app that was watched under a scenario's load."""

    deployment: str
    scenario: str
    directory: Path

    def site(self, place: Place) -> dict[str, Any]:
        """A place, as the fields of a site."""
        file, line, function, call = place
        return {
            "file": self.shorten(file),
            "line": line,
            "function": function,
            "call": mask_passwords(call),  # a line as it stands in the text may hold a literal secret
        }

    def shorten(self, text: str) -> str:
        """A path within the app's directory, relative to it."""
        return name_original(text).removeprefix(f"{self.directory}/")

    @property
    def fields(self) -> dict[str, Any]:
        """Deployment and scenario, as the fields of a finding."""
        return {"deployment": self.deployment, "scenario": self.scenario}
