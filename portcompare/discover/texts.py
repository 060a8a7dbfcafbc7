"""The texts of a first plan and its locustfile, and what is added to a plan when its project has grown."""

import json
import os
import re
import shlex
import textwrap
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tomlkit
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from tomlkit.items import AoT, Array

from portcompare.discover.apps import FoundApp
from portcompare.discover.draft import LEVELS, PREFERRED, Draft, RouteRequest
from portcompare.plan import plan_keys
from portcompare.plan.apps import ARM

BUDGET_S = 180  # enough blocks for a verdict fit into it
MOST_OTHERS = 10  # apps that were not chosen and are listed
DEFAULT_LOCUSTFILE = "locustfile.py"

_WIDTH = 100
_DESCRIPTIONS = {key.path: key.description for key in plan_keys()}


def plan_text(draft: Draft, folder: Path, locustfile: str) -> str:
    """Write a first plan, which is to be in `folder`."""
    found = draft.found
    text = _TEMPLATES.get_template("plan.toml.j2").render(
        draft=draft,
        name=re.sub(r"[^\w.-]+", "-", found.project.name)[:100] or "first",
        project=found.project,
        folder=folder,
        document=_relative(found.openapi[0], folder) if found.openapi else draft.requests.openapi,
        locustfile=locustfile,
        default_locustfile=DEFAULT_LOCUSTFILE,
        descriptions=_DESCRIPTIONS,
        preferred=PREFERRED,
        levels=LEVELS,
        budget_s=BUDGET_S,
        most_others=MOST_OTHERS,
        has_schemathesis=find_spec("schemathesis") is not None,
    )
    return _describe_keys(text)


def locustfile_text(draft: Draft, name: str) -> str:
    """Write a first locustfile with this name."""
    return _TEMPLATES.get_template("locustfile.py.j2").render(draft=draft, name=name)


def _describe_keys(text: str) -> str:
    """A plan with its description above each key."""
    described, table = [], ""
    for line in text.splitlines():
        if header := re.fullmatch(r"\[(\w+)(\..*)?\]", line):
            table = f"{header[1]}.NAME." if header[2] else f"{header[1]}."
        description = _DESCRIPTIONS.get(table + line.partition(" = ")[0])
        described += [_comment(description), line] if description else [line]
    return "\n".join([*described, ""])


def one_line(text: str) -> str:
    """A text without the control characters that TOML does not allow, and error messages can contain."""
    return "".join(c if c.isprintable() else " " for c in text)


def _comment(text: str) -> str:
    lines = [line for part in text.splitlines() for line in textwrap.wrap(one_line(part), _WIDTH)]
    return "\n".join(f"# {line}" for line in lines)


def _copies(database: Path, app: FoundApp) -> str:
    """How each deployment gets its own copy of a SQLite file, as comments."""
    file = _relative(database, app.place.directory)
    shared = f"All deployments may write to {file}, and each would see what the others write."
    if database.is_relative_to(app.place.directory):
        return f"{_comment(f'{shared} Serve each from a copy of the directory:')}\n# copy_directory = true"
    copy = str(Path(file).with_name(f"{database.stem}-{ARM}{database.suffix}"))
    names = [name for name in app.variables if re.search("DATABASE|DB|SQLITE", name)]
    variable = names[0] if names else "DATABASE"
    is_url = re.search("UR[IL]|DSN", variable) is not None
    value = f"sqlite:///{database.with_name(Path(copy).name)}" if is_url else copy
    how = f"the app reads {variable}" if names else "have the app take its path from a variable"
    lines = [
        _comment(f"{shared} Give each its own SQLite file: {how}."),
        f"# environment = {_toml({variable: value})}",
        f'# setup = ["cp {shlex.quote(file)} {shlex.quote(copy)}"]' if database.exists() else "",
        f'# teardown = ["rm -f {shlex.quote(copy)}"]',
    ]
    return "\n".join(filter(None, lines))


def _toml(table: Mapping[str, str]) -> str:
    """A table on one line."""
    pairs = (f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in table.items())
    return f"{{ {', '.join(pairs)} }}"


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=select_autoescape(),  # for neither of the two
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters |= {
    "comment": _comment,
    "copies": _copies,
    "one_line": one_line,
    "json": partial(json.dumps, ensure_ascii=False),
    "relative": _relative,
    "toml": _toml,
}


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
