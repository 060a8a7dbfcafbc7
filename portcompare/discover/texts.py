"""The texts of a first plan and its locustfile."""

from __future__ import annotations

import json
import os
import re
import textwrap
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.discover.draft import LEVELS, PREFERRED
from portcompare.plan import plan_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portcompare.discover.apps import FoundApp
    from portcompare.discover.draft import Draft, DraftDeployment, DraftScenario, RouteRequest

    Value = str | int | float | list[str] | list[int]

BUDGET_S = 180  # enough blocks for a verdict fit into it
MOST_OTHERS = 10  # apps that were not chosen and are listed
DEFAULT_LOCUSTFILE = "locustfile.py"

_WIDTH = 100
_INTERFACES = {"flask": "wsgi", "quart": "asgi"}
_PORT = f"quart-{PREFERRED['quart'][0]}"  # the name of the deployment that a port will be


def plan_text(draft: Draft, folder: Path, locustfile: str) -> str:
    """Write a first plan, which is to be in `folder`."""
    parts = [
        _head(draft, locustfile),
        *(_app(name, app, draft, folder) for name, app in draft.apps.items()),
        *(_deployment(served) for served in (draft.baseline, draft.candidate)),
        *([] if draft.found.candidate else [_place_for_the_port()]),
        *(_scenario(scenario) for scenario in draft.scenarios),
        _parity(draft, folder),
        ["[rounds]", *_entry("rounds.seconds", 1.0), *_entry("rounds.budget_s", BUDGET_S)],
        _others(draft),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _comment(*paragraphs: str) -> list[str]:
    # TOML allows no control characters, and error messages can contain any.
    shown = ["".join(c if c.isprintable() or c == "\n" else " " for c in text) for text in paragraphs]
    lines = [line for text in shown for part in text.splitlines() for line in textwrap.wrap(part, _WIDTH)]
    return [f"# {line}" for line in lines]


def _commented_out(lines: Iterable[str]) -> list[str]:
    return [f"# {line}".rstrip() for line in lines]


def _entry(key: str, value: Value, *more: str) -> list[str]:
    return [*_comment(_descriptions()[key], *more), f"{key.rpartition('.')[2]} = {_toml(value)}"]


_toml = partial(json.dumps, ensure_ascii=False)


@cache
def _descriptions() -> dict[str, str]:
    return {key.path: key.description for key in plan_keys()}


def _head(draft: Draft, locustfile: str) -> list[str]:
    question = "What does the port from Flask to Quart gain, and does it respond alike?"
    if draft.found.candidate is None:
        question = (
            "What can be gained without a port? There is no Quart app yet, so the Flask app is compared "
            f"with itself: on {draft.baseline.server} and on {draft.candidate.server}."
        )
    with_port = _commented_out([f"candidates = {_toml([draft.candidate.name, _PORT])}"])
    return [
        *_comment(
            question,
            "Written by `portcompare init`; change what you like. `portcompare run --help` lists all keys.",
            "`portcompare check` compares the responses, `portcompare run` measures as well.",
        ),
        "",
        *_entry("name", re.sub(r"[^\w.-]+", "-", draft.found.project.name)[:100] or "first"),
        *_entry("baseline", draft.baseline.name),
        *_entry("candidates", [draft.candidate.name]),
        *([] if draft.found.candidate else ["# with the port:", *with_port]),
        *([] if locustfile == DEFAULT_LOCUSTFILE else _entry("locustfile", locustfile)),
    ]


def _app(name: str, app: FoundApp, draft: Draft, folder: Path) -> list[str]:
    project = draft.found.project
    found = f"found in {_relative(app.definition.file, project)}, line {app.definition.line}"
    lines = [f"[apps.{name}]", *_entry("apps.NAME.target", app.target, found)]
    if app.problem:
        lines += _comment(
            f"TO DO: it could not be imported, so its routes are not known: {app.problem}",
            "Correct this table or the app, until `portcompare check` can import it.",
        )
    lines += _entry("apps.NAME.interface", _INTERFACES[name])
    lines += _entry("apps.NAME.directory", _relative(app.place.directory, folder))
    if app.place.pythonpath:
        lines += _entry("apps.NAME.pythonpath", [_relative(path, folder) for path in app.place.pythonpath])
    if not app.runs_in_ours:
        is_inside = project in app.python.parents
        lines += _entry("apps.NAME.python", _relative(app.python, folder) if is_inside else str(app.python))
    if draft.requests.ready_path and not app.problem:
        lines += _entry("apps.NAME.ready_path", draft.requests.ready_path)
    needs = ['environment = { DATABASE_URL = "sqlite:///copy-{arm}.db" }', 'setup = ["python seed.py"]']
    return [
        *lines,
        *_comment("What else it needs: its environment, and commands before its first start."),
        *_commented_out(needs),
    ]


def _deployment(served: DraftDeployment) -> list[str]:
    as_usual = "Set it as in production."
    lines = [f"[deployments.{served.name}]"]
    if served.missing:
        lines += _comment(f"To be installed for it: {' '.join(served.missing)}")
    lines += [*_entry("deployments.NAME.app", served.app), *_entry("deployments.NAME.server", served.server)]
    lines += [] if served.server == "waitress" else _entry("deployments.NAME.workers", 1, as_usual)
    if served.server in PREFERRED["flask"]:
        lines += _entry("deployments.NAME.threads", 8, as_usual)
    return lines


def _place_for_the_port() -> list[str]:
    head = 'The port, once there is one: remove "# " here and from the candidates above, correct the target.'
    app = ["[apps.quart]", 'target = "port:app"', 'interface = "asgi"', ""]
    served = [f"[deployments.{_PORT}]", 'app = "quart"', f'server = "{PREFERRED["quart"][0]}"']
    return [*_comment(head), *_commented_out([*app, *served])]


def _scenario(scenario: DraftScenario) -> list[str]:
    requests = list(map(str, scenario.requests))
    mix = f"all {len(requests)} GET routes, equally often: give important ones their own scenarios"
    return [
        f"[scenarios.{scenario.name}]",
        *_comment(requests[0] if len(requests) == 1 else mix),
        *_entry("scenarios.NAME.user", scenario.user),
        *_comment(_descriptions()["scenarios.NAME.load.users"]),
        f"load = {{ users = {_toml(list(LEVELS))} }}",
        *_comment(f"{_descriptions()['scenarios.NAME.delay_s']}, in seconds"),
        *_commented_out(["delay_s = 0.2"]),
    ]


def _parity(draft: Draft, folder: Path) -> list[str]:
    ready_path = draft.requests.ready_path
    rows = [f"{{ path = {_toml(ready_path)} }},"] if ready_path else []
    for reason, requests in draft.requests.left_out.items():
        rows += [*_comment(reason), *_commented_out(map(_row, requests))]
    table = [
        *_comment(_descriptions()["parity.requests"]),
        "requests = [",
        *(f"    {row}" for row in rows),
        "]",
    ]
    lines = [*(table if rows else []), *_openapi(draft, folder)]
    return ["[parity]", *lines] if lines else []


def _row(request: RouteRequest) -> str:
    method = "" if request.method == "GET" else f"method = {_toml(request.method)}, "
    return f"{{ {method}path = {_toml(request.path)}{', json = {}' if request.has_body else ''} }},"


def _openapi(draft: Draft, folder: Path) -> list[str]:
    """The OpenAPI document; its cases cover all operations, so also those that change data."""
    documents = draft.found.openapi
    document = _relative(documents[0], folder) if documents else draft.requests.openapi
    if document is None:
        return []
    reasons = []
    if draft.found.baseline.problem or draft.requests.may_change_data:
        reasons.append("It may contain operations that change data: use a database that you can lose.")
    if find_spec("schemathesis") is None:
        reasons.append("To be installed for it: pip install 'portcompare[openapi]'")
    entry = _entry("parity.openapi", document, *reasons)
    return [*entry[:-1], *_commented_out(entry[-1:])] if reasons else entry


def _others(draft: Draft) -> list[str]:
    project, others = draft.found.project, draft.found.others
    seen = [f"{each.name} ({_relative(each.file, project)}, line {each.line})" for each in others]
    more = [f"and {len(seen) - MOST_OTHERS} more"] if len(seen) > MOST_OTHERS else []
    return _comment("Other apps that were found:", *seen[:MOST_OTHERS], *more) if seen else []


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def locustfile_text(draft: Draft, name: str) -> str:
    """Write a first locustfile with this name."""
    apps = list(draft.apps)
    urls = " ".join(f"--{app}-url http://127.0.0.1:{8001 + place}" for place, app in enumerate(apps))
    head = [
        '"""The requests of the load tests: `portcompare run` uses these classes, and so does plain Locust.',
        "",
        f"For the latter: `locust -f loadtests/{name} {urls}`.",
        "By their methods, the requests change no data: check that this is so.",
        '"""',
        "",
        "from portcompare.loadgen import LeanUser, declare_targets, http_request",
        "",
        f"declare_targets({', '.join(map(json.dumps, apps))})",
    ]
    parts = [head, *(_user(scenario) for scenario in draft.scenarios), _left_out(draft)]
    return "\n\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _user(scenario: DraftScenario) -> list[str]:
    head = f"class {scenario.user}(LeanUser):"
    if len(scenario.requests) == 1:
        (request,) = scenario.requests
        doubt = [f"    # {request.doubt}"] if request.doubt else []
        body = [f'    """Requests {request.path}."""', "", *doubt, f"    request = {_http_request(request)}"]
        return [head, *body]
    lines = []
    for request in scenario.requests:
        lines += [f"        # {request.doubt}"] if request.doubt else []
        lines.append(f"        {_http_request(request)}: 1,")
    what = "Requests each route that both sides have, by weight: 2 is twice as often as 1."
    return [head, f'    """{what}"""', "", "    requests = {", *lines, "    }"]


def _left_out(draft: Draft) -> list[str]:
    if not draft.requests.left_out:
        return []
    lines = ["class LeftOut(LeanUser):", "    requests = {"]
    for reason, requests in draft.requests.left_out.items():
        lines += [f"        # {reason}", *(f"        {_http_request(each)}: 1," for each in requests)]
    return ["# What is left out, and why:", "#", *_commented_out([*lines, "    }"])]


def _http_request(request: RouteRequest) -> str:
    if request.method == "GET":
        return f"http_request({json.dumps(request.path)})"
    body = ", json={}" if request.has_body else ""
    return f"http_request({json.dumps(request.path)}, method={json.dumps(request.method)}{body})"
