"""The report as one HTML file that opens anywhere: one small script, no network, nothing beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from portcompare import units
from portcompare.report.charts.svg import TEMPLATES, style_sheet
from portcompare.report.formats.web_page import hash_of, make_environment
from portcompare.report.sections.registry import SECTIONS
from portcompare.report.sections.validity import find_notices
from portcompare.report.wording import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Environment

    from portcompare.records.results import Results


def render(results: Results) -> str:
    """Render a run as a web page."""
    environment = make_environment()
    style, script = style_sheet(), (TEMPLATES / "report.js").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(
        style=Markup(style),  # noqa: S704 - our own file; escaping would change it and its hash
        style_hash=hash_of(style),
        script=Markup(script),  # noqa: S704 - the same
        script_hash=hash_of(script),
        results=results,
        started=timestamp(results.started_at),
        duration=units.duration(results.duration_s),
        notices=[notice for notice in find_notices(results) if notice.grave],
        sections=list(_sections(environment, results)),
    )


def _sections(environment: Environment, results: Results) -> Iterator[dict[str, str]]:
    for name, section in SECTIONS.items():
        context = section.build(results)
        if context is not None:
            template = environment.get_template(f"sections/{name}.html.j2")
            body = Markup(template.render(results=results, **context))  # noqa: S704 - escaped by its template
            yield {"name": name, "title": section.title, "body": body}
