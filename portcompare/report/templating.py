"""The templates of all formats: each text is escaped for the format of its template."""

import base64
import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from portcompare import units
from portcompare.report.wording import timestamp, visible

TEMPLATES = Path(__file__).with_name("templates")

_QUOTED = re.compile("`([^`]+)`")
_MARKDOWN = re.compile(r"([\\`*_\[~|$])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def render_template(name: str, **values: object) -> str:
    """Render a template: one in `*.md.j2` as Markdown, all others as HTML or XML."""
    escaped = escape_markdown if name.endswith(".md.j2") else None
    return _environment(escaped).get_template(name).render(values)


def escape_markdown(value: object) -> Markup:
    """A text that Markdown shows as it is, in one line; several texts as the lines of a table's cell."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, tuple):
        return Markup("<br>").join(map(escape_markdown, value))
    text = _MARKDOWN.sub(r"\\\1", visible(str(value)))
    return Markup("".join(_ENTITIES.get(char, char) for char in text))  # noqa: S704 - escaped here


@cache
def _environment(escape_value: Callable[[object], Markup] | None) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES, TEMPLATES.parent]),
        autoescape=True,
        finalize=escape_value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "visible": visible,
        "named": _mark_names,
        "sha256": _hash,
        "timestamp": timestamp,
        "duration": units.duration,
        "count": units.count,
    }
    return environment


def _mark_names(text: str) -> Markup:
    """A sentence in which what stands between backticks is set apart."""
    return Markup(_QUOTED.sub(r"<strong>\1</strong>", str(escape(text))))  # noqa: S704 - escaped before


def _hash(text: str) -> str:
    """What a policy names a style sheet or a script by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
