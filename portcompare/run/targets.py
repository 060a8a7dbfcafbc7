"""The plan of a comparison of two targets, import strings or addresses, that a command line names."""

import json
import math
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from portcompare.errors import refuse
from portcompare.plan import ROUND_DELAYS, Plan, load_plan
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
    users: Sequence[int]
    rate_rps: float | None  # None for users
    delay_s: float | None  # of each response, as the query parameter `delay`

    def plan(self, path: Path) -> tuple[Plan, str]:
        """The plan that compares them, and its text, to be written to `path`.

        Raises InputError: with all that is wrong with the targets.
        """
        interfaces = dict.fromkeys(_SIDES, "wsgi")
        text = self._text(interfaces, path)
        plan = load_plan(path, vocabulary(), text)
        recipes = {arm: one for arm, one in resolve_all(plan).items() if one.config is not None}
        for check in check_interpreters(recipes, with_import=True):
            # Where an import fails, the run says so when it checks everything.
            if check.interpreter is not None and check.interpreter.interface is not None:
                sides = {str(recipe.deployment.app) for recipe in check.recipes}
                interfaces |= dict.fromkeys(sides, check.interpreter.interface)
        text = self._text(interfaces, path)
        return load_plan(path, vocabulary(), text), text

    def _text(self, interfaces: Mapping[str, str], path: Path) -> str:
        names = self._names(interfaces)
        lines = [
            f"# portcompare run {shlex.join(self.pair)}",
            f"name = {_quote(' to '.join(names.values())[:200])}",
            f"baseline = {_quote(names['baseline'])}",
            f"candidates = [{_quote(names['candidate'])}]",
        ]
        for (side, name), target in zip(names.items(), self.pair, strict=True):
            deployment = f"[deployments.{_quote(name)}]"
            if _is_address(target):
                lines += ["", deployment, f"url = {_quote(target)}"]
                continue
            interface = interfaces[side]
            directory = os.path.relpath(Path.cwd(), path.parent)
            lines += ["", f"[apps.{side}]", f"target = {_quote(target)}", f'interface = "{interface}"']
            lines += [f"directory = {_quote(directory)}", "", deployment]
            lines += [f'app = "{side}"', f'server = "{_SERVERS[interface]}"']
        scenarios: dict[str, str] = {}
        for one in dict.fromkeys(self.paths):
            name = _name(one)
            scenarios[f"{name} {len(scenarios) + 1}" if name in scenarios else name] = one
        for name, one in scenarios.items():
            lines += ["", f"[scenarios.{_quote(name)}]", f"request = {{ path = {_quote(one)} }}"]
            if self.rate_rps is not None:
                connections = max(256, math.ceil(self.rate_rps * (self.delay_s or 0.0)))
                rates = f"rates = [{self.rate_rps!r}], connections = {connections}"
                lines.append(f'load = {{ model = "open", {rates} }}')
            else:
                lines.append(f"load = {{ users = {list(self.users)} }}")
            if self.delay_s is not None:
                lines += [f"delay_s = {self.delay_s!r}", 'delay_parameter = "delay"']
                lines.append(f"seconds = {max(1.0, ROUND_DELAYS * self.delay_s)!r}")
        return "\n".join([*lines, ""])

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


def _quote(text: str) -> str:
    """A string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
