"""The report as one HTML file that opens anywhere: one small script, no network, nothing beside it."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portcompare import units
from portcompare.report.notices import find_notices
from portcompare.report.sections import SECTIONS
from portcompare.report.style import TEMPLATES, style_sheet
from portcompare.report.wording import timestamp, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.model import Results


def render(results: Results) -> str:
    """Render a run as a web page.

    Args:
        results: The run.

    Returns:
        HTML.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["visible"] = visible
    style, script = style_sheet(), (TEMPLATES / "report.js").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(
        style=Markup(style),  # noqa: S704 - our own file; escaping would change it and its hash
        style_hash=_hash(style),
        script=Markup(script),  # noqa: S704 - the same
        script_hash=_hash(script),
        results=results,
        started=timestamp(results.started_at),
        duration=units.duration(results.duration_s),
        notices=[notice for notice in find_notices(results) if notice.grave],
        sections=list(_sections(environment, results)),
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _sections(environment: Environment, results: Results) -> Iterator[dict[str, str]]:
    for name, section in SECTIONS.items():
        context = section.build(results)
        if context is not None:
            template = environment.get_template(f"sections/{name}.html.j2")
            body = Markup(template.render(results=results, **context))  # noqa: S704 - escaped by its template
            yield {"name": name, "title": section.title, "body": body}
