"""The plan of a comparison of two targets, import strings or addresses, that a command line names."""

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from portcompare.errors import refuse
from portcompare.plan import Plan, load_plan
from portcompare.run.narrowing import Narrowing, narrow
from portcompare.serve.interpreters import check_interpreters
from portcompare.serve.recipe import resolve_all
from portcompare.serve.servers import vocabulary

DEFAULT_USERS = (1, 32)  # one, for the response time, and many, for the throughput

_SIDES = ("baseline", "candidate")
_SERVERS = {"wsgi": "gunicorn", "asgi": "uvicorn"}  # the usual one for each interface


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Two targets, and the load to compare them under; the first is the baseline."""

    pair: tuple[str, str]
    paths: Sequence[str]
    load: Narrowing  # users, rate and delay; the default users where it gives none

    def plan(self, path: Path) -> tuple[Plan, str]:
        """The plan that compares them, and its text, to be written to `path`.

        Raises InputError: with all that is wrong with the targets and the load.
        """
        interfaces = dict.fromkeys(_SIDES, "wsgi")
        recipes = resolve_all(self._load(interfaces, path))
        served = {arm: one for arm, one in recipes.items() if one.config is not None}
        for check in check_interpreters(served, with_import=True):
            # Where an import fails, the run says so when it checks everything.
            if check.interpreter is not None and check.interpreter.interface is not None:
                sides = {str(recipe.deployment.app) for recipe in check.recipes}
                interfaces |= dict.fromkeys(sides, check.interpreter.interface)
        plan = narrow(self._load(interfaces, path), self.load)
        given = {key: value for key, value in plan.given_as_json().items() if value}
        text = f"# portcompare run {shlex.join(self.pair)}\n{tomlkit.dumps(given)}"
        return load_plan(path, vocabulary(), text), text

    def _load(self, interfaces: Mapping[str, str], path: Path) -> Plan:
        names = self._names(interfaces)
        apps, deployments = {}, {}
        for (side, name), target in zip(names.items(), self.pair, strict=True):
            if _is_address(target):
                deployments[name] = {"url": target}
                continue
            directory = os.path.relpath(Path.cwd(), path.parent)
            apps[side] = {"target": target, "interface": interfaces[side], "directory": directory}
            deployments[name] = {"app": side, "server": _SERVERS[interfaces[side]]}
        scenarios: dict[str, object] = {}
        for one in dict.fromkeys(self.paths):
            name = _name(one)
            name = f"{name} {len(scenarios) + 1}" if name in scenarios else name
            scenarios[name] = {"request": {"path": one}, "load": {"users": list(DEFAULT_USERS)}}
        plan = {
            "name": " to ".join(names.values())[:200],
            "baseline": names["baseline"],
            "candidates": [names["candidate"]],
            "apps": apps,
            "deployments": deployments,
            "scenarios": scenarios,
        }
        return load_plan(path, vocabulary(), tomlkit.dumps(plan))

    def _names(self, interfaces: Mapping[str, str]) -> dict[str, str]:
        """The deployments' names by side: what is served, and by what."""
        if self.pair[0] == self.pair[1]:
            remedy = "name two: the control is a second instance of the first anyway"
            raise refuse("targets", f"are both {self.pair[0]!r}", remedy)
        modules = [target.partition(":")[0] for target in self.pair]
        names = {}
        for side, target, module in zip(_SIDES, self.pair, modules, strict=True):
            if _is_address(target):
                names[side] = _name(re.sub(r"^https?://(.*@)?", "", target))
            else:
                served = target if modules[0] == modules[1] else module
                names[side] = f"{_name(served, 150)}-{_SERVERS[interfaces[side]]}"
        return names


def _is_address(target: str) -> bool:
    return target.startswith(("http://", "https://"))


def _name(text: str, most_chars: int = 200) -> str:
    """A text as the name of a table of a plan."""
    return re.sub(r"[/\\\x00-\x1f]+", " ", text).strip()[:most_chars] or "front"
