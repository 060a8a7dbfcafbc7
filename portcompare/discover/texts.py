"""The texts of a first plan and its locustfile, from the templates beside this file."""

import json
import os
import re
import shlex
import textwrap
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from portcompare.discover.apps import FoundApp
from portcompare.discover.draft import LEVELS, PREFERRED, Draft
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
