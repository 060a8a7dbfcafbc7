"""The text of a first locustfile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from portcompare.discover.text import comment, switched_off

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portcompare.discover.asks import Ask
    from portcompare.discover.draft import Draft, DraftScenario


def locustfile_text(draft: Draft, name: str) -> str:
    """Write a first locustfile.

    Args:
        draft: What it asks for.
        name: Its name.

    Returns:
        Python, with a user class for each scenario.
    """
    parts = [_head(draft, name), *(_user(scenario) for scenario in draft.scenarios), _left_out(draft)]
    return "\n\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _head(draft: Draft, name: str) -> list[str]:
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
