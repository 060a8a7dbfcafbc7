"""Web pages that open anywhere, with one style sheet and a strict policy: no network."""

from __future__ import annotations

import base64
import hashlib

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portcompare.report.charts.svg import TEMPLATES, style_sheet
from portcompare.report.wording import visible


def make_environment() -> Environment:
    """What renders the templates of all pages."""
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES, TEMPLATES.parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["visible"] = visible
    return environment


def hash_of(text: str) -> str:
    """What a policy names a style sheet or a script by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def render_page(template: str, **values: object) -> str:
    """Render a page without a script."""
    style = style_sheet()
    return (
        make_environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 - our own file; escaping would change it and its hash
            style_hash=hash_of(style),
            **values,
        )
    )
