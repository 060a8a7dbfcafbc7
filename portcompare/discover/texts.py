"""The texts of a first plan and its locustfile, from the templates beside this file."""

import json
import os
import re
import textwrap
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from portcompare.discover.draft import LEVELS, PREFERRED, Draft
from portcompare.plan import plan_keys

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


def _comment(text: str) -> str:
    # TOML allows no control characters, and error messages can contain any.
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    lines = [line for part in shown.splitlines() for line in textwrap.wrap(part, _WIDTH)]
    return "\n".join(f"# {line}" for line in lines)


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
    "json": partial(json.dumps, ensure_ascii=False),
    "relative": _relative,
}
