"""What a project has gained since its plan was written, added to the plan; the rest stays as it is."""

import json
import re
from collections.abc import Iterator
from typing import Any

import tomlkit
from tomlkit.items import AoT, Array

from portcompare.discover.draft import Draft, RouteRequest
from portcompare.discover.texts import one_line


def update_plan(text: str, new: str, draft: Draft, known: str) -> tuple[str, list[str]]:
    """Add a port, and requests to new routes, to a plan; returns its text with what was added, in words.

    `new`: the plan that would be written today. `known`: the locustfile, whose requests are not new.
    """
    document: Any = tomlkit.parse(text)
    added: list[str] = []
    blocks: list[str] = []
    found = draft.found.candidate
    if found is not None and not _has_app(document, found.target):
        app = _free_name("quart", document.get("apps", {}))
        deployment = _free_name(draft.candidate.name.replace("quart", app, 1), document["deployments"])
        for kind, old, name in (("apps", "quart", app), ("deployments", draft.candidate.name, deployment)):
            written = new[new.index(f"\n[{kind}.{old}]\n") :].strip().partition("\n\n")[0]
            block = written.replace(f"[{kind}.{old}]", f"[{kind}.{name}]")
            blocks.append(block.replace('\napp = "quart"', f"\napp = {json.dumps(app)}"))
            added.append(f"[{kind}.{name}]")
        document["candidates"].append(deployment)
        added.append(f"candidate {deployment}")
    given = document.get("parity", {}).get("requests")
    entries = list(_new_requests(draft, f"{text}\n{known}"))
    if isinstance(given, AoT):  # between whose tables there is no good place for a comment
        entries = [each for each in entries if not each[1]]
    if entries:
        blocks += _add_requests(document, given, entries)
        added += [str(request) + (" (as a comment)" if reason else "") for request, reason in entries]
    newline = "\r\n" if "\r\n" in text else "\n"
    tail = "".join(f"\n{block}\n" for block in blocks).replace("\n", newline)
    result = tomlkit.dumps(document)
    return result + (newline if tail and not result.endswith("\n") else "") + tail, added


def _has_app(document: Any, target: str) -> bool:  # noqa: ANN401 - a document of tomlkit
    """Whether a plan serves an ASGI app already, by a table or by a command."""
    name = target.removesuffix("()")
    apps = [app for app in document.get("apps", {}).values() if app.get("interface") == "asgi"]
    targets = [str(app.get("target", "")) for app in apps]
    commands = [str(each.get("command", "")) for each in document["deployments"].values()]
    return any(each.partition("(")[0] == name for each in targets) or any(name in each for each in commands)


def _free_name(name: str, taken: Any) -> str:  # noqa: ANN401 - a table of tomlkit
    names = [name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))]
    return next(each for each in names if each not in taken)


def _new_requests(draft: Draft, known: str) -> Iterator[tuple[RouteRequest, str]]:
    """The requests that are named nowhere, not even in a comment, each with the reason to leave it out."""
    requests, lines = draft.requests, known.splitlines()
    plain = {route.rule for app in draft.apps.values() for route in app.routes if not route.converters}
    sorted_requests = {"": (*requests.load, *requests.compared)} | requests.left_out
    for reason, group in sorted_requests.items():
        for each in group:
            # A user may have written another value, but not where the value is what only one side accepts.
            path = each.route.pattern if each.path == each.route.example else re.escape(each.path)
            if not any(_names(line, each.method, path, plain - {each.path}) for line in lines):
                yield each, reason


def _names(line: str, method: str, path: str, others: set[str]) -> bool:
    """Whether a line has a request with this method, and a path that matches and is no other route's."""
    found = re.search(rf"""["']({path})(\?[^"']*)?["']""", line)
    written = re.search(r"""["'](POST|PUT|PATCH|DELETE)["']|\.(post|put|patch|delete)\(""", line)
    is_same = method == ((written[1] or written[2]).upper() if written else "GET")
    return is_same and found is not None and found[1] not in others


def _add_requests(
    document: Any,  # noqa: ANN401 - a document of tomlkit
    given: object,
    entries: list[tuple[RouteRequest, str]],
) -> Iterator[str]:
    """Add requests to those of [parity], which are given; yields the table if there is none."""
    lines = []
    for request, reason in entries:
        note = one_line(" ".join(filter(None, (reason, request.note))))
        value = tomlkit.parse(f"request = {request.toml}")["request"]
        lines += [f"    {'# ' if reason else ''}{request.toml}, {f'# {note}' if note else ''}".rstrip()]
        if isinstance(given, AoT):
            given.append(tomlkit.item(dict(value), _parent=document))
        elif isinstance(given, Array) and reason:
            given.add_line(comment=f"{request.toml}, # {note}")
        elif isinstance(given, Array):
            given.add_line(value, comment=note or None)
    requests = "requests = [\n{}\n]".format("\n".join(lines))
    if given is None and "parity" in document:
        document["parity"]["requests"] = tomlkit.parse(f"{requests}\n")["requests"]
    elif given is None:
        yield f"[parity]\n{requests}"
