"""The text of a first plan."""

from __future__ import annotations

import json
import os
import re
import textwrap
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.discover.draft import LEVELS
from portcompare.discover.project import INTERFACES, PREFERRED
from portcompare.plan import plan_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portcompare.discover.draft import Draft, DraftScenario, Served
    from portcompare.discover.records import FoundApp
    from portcompare.discover.routes import Ask


_WIDTH = 100

Value = str | int | float | list[str] | list[int]


def comment(*paragraphs: str) -> list[str]:
    """Text as comment lines."""
    # TOML allows no control characters, and errors can hold any.
    shown = [
        "".join(each if each.isprintable() or each == "\n" else " " for each in text) for text in paragraphs
    ]
    lines = [line for text in shown for part in text.splitlines() for line in textwrap.wrap(part, _WIDTH)]
    return [f"# {line}" for line in lines]


def switched_off(lines: Iterable[str]) -> list[str]:
    """Lines that do nothing until their "#" is removed."""
    return [f"# {line}".rstrip() for line in lines]


def entry(key: str, value: Value, *more: str) -> list[str]:
    """A key with its comment."""
    return [*comment(describe(key), *more), f"{key.rpartition('.')[2]} = {toml(value)}"]


def describe(key: str) -> str:
    """What the list of the plan's keys says of a key."""
    return _descriptions()[key]


def toml(value: Value) -> str:
    """A value as TOML writes it."""
    return json.dumps(value, ensure_ascii=False)


@cache
def _descriptions() -> dict[str, str]:
    return {key.path: key.description for key in plan_keys()}


BUDGET_S = 180
"""How long a first run takes at most, in seconds: blocks enough for a verdict fit into it."""

MOST_OTHERS = 10
"""So many apps that were not chosen are listed."""

DEFAULT_LOCUSTFILE = "locustfile.py"

_PORT = f"quart-{PREFERRED['quart'][0]}"
"""The name of the deployment that a port will be."""


def plan_text(draft: Draft, folder: Path, locustfile: str) -> str:
    """Write a first plan."""
    parts = [
        _head(draft, locustfile),
        *(_app(name, app, draft, folder) for name, app in draft.apps.items()),
        *(_deployment(served) for served in (draft.baseline, draft.candidate)),
        *([] if draft.found.candidate else [_place_for_the_port()]),
        *(_scenario(scenario) for scenario in draft.scenarios),
        _parity(draft, folder),
        _rounds(),
        _others(draft),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _head(draft: Draft, locustfile: str) -> list[str]:
    question = "What does the port from Flask to Quart gain, and does it answer the same?"
    if draft.found.candidate is None:
        question = (
            "What is there to gain without a port? There is no Quart app yet, so the Flask app is compared "
            f"with itself: on {draft.baseline.choice.server} and on {draft.candidate.choice.server}."
        )
    named = [] if locustfile == DEFAULT_LOCUSTFILE else entry("locustfile", locustfile)
    return [
        *comment(
            question,
            "Written by `portcompare init`; yours to change. `portcompare run --help` lists all keys.",
            "`portcompare check` compares the answers, `portcompare run` measures as well.",
        ),
        "",
        *entry("name", re.sub(r"[^\w.-]+", "-", draft.found.project.name)[:100] or "first"),
        *entry("baseline", draft.baseline.name),
        *entry("candidates", [draft.candidate.name]),
        *([] if draft.found.candidate else _candidates_with_port(draft)),
        *named,
    ]


def _app(name: str, app: FoundApp, draft: Draft, folder: Path) -> list[str]:
    sighting, place = app.sighting, app.place
    project = draft.found.project
    found = f"found in {_relative(sighting.file, project)}, line {sighting.line}"
    lines = [f"[apps.{name}]", *entry("apps.NAME.target", app.target, found)]
    if app.problem:
        lines += comment(
            f"TO DO: it could not be imported, so its routes are not known: {app.problem}",
            "Change what is wrong here or there, until `portcompare check` can import it.",
        )
    lines += entry("apps.NAME.interface", INTERFACES[sighting.framework])
    lines += entry("apps.NAME.directory", _relative(place.directory, folder))
    if place.pythonpath:
        lines += entry("apps.NAME.pythonpath", [_relative(path, folder) for path in place.pythonpath])
    if not app.runs_in_ours:
        inside = project in app.python.parents
        lines += entry("apps.NAME.python", _relative(app.python, folder) if inside else str(app.python))
    if draft.asks.ready_path and not app.problem:
        lines += entry("apps.NAME.ready_path", draft.asks.ready_path)
    lines += comment("What else it needs: its environment, and commands before its first start.")
    needs = ['environment = { DATABASE_URL = "sqlite:///copy-{arm}.db" }', 'setup = ["python seed.py"]']
    return lines + switched_off(needs)


def _deployment(served: Served) -> list[str]:
    lines = [f"[deployments.{served.name}]"]
    if served.choice.missing:
        lines += comment(f"To be installed for it: {' '.join(served.choice.missing)}")
    lines += entry("deployments.NAME.app", served.app)
    lines += entry("deployments.NAME.server", served.choice.server)
    as_usual = "Make it what it is in production."
    lines += [] if served.choice.server == "waitress" else entry("deployments.NAME.workers", 1, as_usual)
    if served.choice.server in PREFERRED["flask"]:
        lines += entry("deployments.NAME.threads", 8, as_usual)
    return lines


def _candidates_with_port(draft: Draft) -> list[str]:
    candidates = [draft.candidate.name, _PORT]
    return [*comment("with the port:"), *switched_off([f"candidates = {toml(candidates)}"])]


def _place_for_the_port() -> list[str]:
    lines = [
        "[apps.quart]",
        'target = "port:app"',
        f'interface = "{INTERFACES["quart"]}"',
        "",
        f"[deployments.{_PORT}]",
        'app = "quart"',
        f'server = "{PREFERRED["quart"][0]}"',
    ]
    head = 'The port, once there is one: remove "# " here and from the candidates above, correct the target.'
    return [*comment(head), *switched_off(lines)]


def _scenario(scenario: DraftScenario) -> list[str]:
    asked = list(map(str, scenario.asks))
    what = f"all {len(asked)} GET routes, equally often: give those that matter scenarios of their own"
    return [
        f"[scenarios.{scenario.name}]",
        *comment(asked[0] if len(asked) == 1 else what),
        *entry("scenarios.NAME.user", scenario.user),
        *comment(describe("scenarios.NAME.load.users")),
        f"load = {{ users = {toml(list(LEVELS))} }}",
        *comment(f"{describe('scenarios.NAME.delay_s')}, in seconds"),
        *switched_off(["delay_s = 0.2"]),
    ]


def _parity(draft: Draft, folder: Path) -> list[str]:
    asks = draft.asks
    rows = [f"{{ path = {toml(asks.ready_path)} }},"] if asks.ready_path else []
    rows += [row for reason, left_out in asks.left_out.items() for row in _rows(reason, left_out)]
    requests = ["requests = [", *(f"    {row}" for row in rows), "]"]
    lines = [*comment(describe("parity.requests")), *requests] if rows else []
    lines += _openapi(draft, folder)
    return ["[parity]", *lines] if lines else []


def _rows(why_not: str, asks: tuple[Ask, ...]) -> list[str]:
    """Requests that are not sent before somebody has looked at them."""
    rows = []
    for ask in asks:
        method = "" if ask.method == "GET" else f"method = {toml(ask.method)}, "
        rows.append(f"{{ {method}path = {toml(ask.path)}{', json = {}' if ask.has_body else ''} }},")
    return [*comment(why_not), *switched_off(rows)]


def _openapi(draft: Draft, folder: Path) -> list[str]:
    """The OpenAPI document; cases are made of all that it holds, so also of what changes data."""
    documents = draft.found.openapi
    document = _relative(documents[0], folder) if documents else draft.asks.openapi
    if document is None:
        return []
    reasons = []
    if draft.found.baseline.problem or draft.asks.may_change_data:
        reasons.append("It may hold operations that change data: use a database to lose.")
    if find_spec("schemathesis") is None:
        reasons.append("To be installed for it: pip install 'portcompare[openapi]'")
    if reasons:
        said = comment(describe("parity.openapi"), *reasons)
        return [*said, *switched_off([f"openapi = {toml(document)}"])]
    return entry("parity.openapi", document)


def _rounds() -> list[str]:
    return [
        "[rounds]",
        *entry("rounds.seconds", 1.0),
        *entry("rounds.budget_s", BUDGET_S),
    ]


def _others(draft: Draft) -> list[str]:
    project = draft.found.project
    seen = [f"{each.name} ({_relative(each.file, project)}, line {each.line})" for each in draft.found.others]
    more = [f"and {len(seen) - MOST_OTHERS} more"] if len(seen) > MOST_OTHERS else []
    return comment("Other apps that were found:", *seen[:MOST_OTHERS], *more) if seen else []


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def locustfile_text(draft: Draft, name: str) -> str:
    """Write a first locustfile."""
    parts = [
        _locustfile_head(draft, name),
        *(_user(scenario) for scenario in draft.scenarios),
        _left_out(draft),
    ]
    return "\n\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _locustfile_head(draft: Draft, name: str) -> list[str]:
    apps = list(draft.apps)
    urls = " ".join(f"--{app}-url http://127.0.0.1:{8001 + place}" for place, app in enumerate(apps))
    return [
        '"""What the load tests ask for: `portcompare run` uses these classes, and so does plain Locust.',
        "",
        f"For the latter: `locust -f loadtests/{name} {urls}`.",
        "The requests are those that change nothing, going by their method: look through them all the same.",
        '"""',
        "",
        "from portcompare.loadgen import LeanUser, declare_targets, http_request",
        "",
        f"declare_targets({', '.join(map(json.dumps, apps))})",
    ]


def _user(scenario: DraftScenario) -> list[str]:
    lines = [f"class {scenario.user}(LeanUser):"]
    if len(scenario.asks) == 1:
        (ask,) = scenario.asks
        lines += [
            f'    """Asks for {ask.path}."""',
            "",
            *_doubt(ask, "    "),
            f"    request = {_request(ask)}",
        ]
        return lines
    return [
        *lines,
        '    """Asks for each route that both sides have, by weight: 2 is twice as often as 1."""',
        "",
        *_requests(scenario.asks),
    ]


def _left_out(draft: Draft) -> list[str]:
    groups = draft.asks.left_out
    if not groups:
        return []
    lines = ["class LeftOut(LeanUser):", "    requests = {"]
    for reason, asks in groups.items():
        lines += [f"        # {reason}", *(f"        {_request(ask)}: 1," for ask in asks)]
    return [*comment("What is left out, and why:"), "#", *switched_off([*lines, "    }"])]


def _requests(asks: Iterable[Ask]) -> list[str]:
    lines = ["    requests = {"]
    for ask in asks:
        lines += [*_doubt(ask, "        "), f"        {_request(ask)}: 1,"]
    return [*lines, "    }"]


def _doubt(ask: Ask, indent: str) -> list[str]:
    return [f"{indent}# {ask.doubt}"] if ask.doubt else []


def _request(ask: Ask) -> str:
    if ask.method == "GET":
        return f"http_request({json.dumps(ask.path)})"
    body = ", json={}" if ask.has_body else ""
    return f"http_request({json.dumps(ask.path)}, method={json.dumps(ask.method)}{body})"
