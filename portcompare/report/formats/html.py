"""The report as one HTML file that opens anywhere: one small script, a strict policy, no network."""

import base64
import hashlib
from collections.abc import Iterator

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portcompare import units
from portcompare.records.results import Results
from portcompare.report.charts import draw_charts
from portcompare.report.charts.svg import TEMPLATES, style_sheet
from portcompare.report.sections import SECTIONS
from portcompare.report.sections.conclusions import find_notices
from portcompare.report.wording import timestamp, visible


def render(results: Results) -> str:
    """Render a run as a web page."""
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    return render_page(
        "report.html.j2",
        script=Markup(script),  # noqa: S704 - our own file; escaping would change it and its hash
        script_hash=_hash(script),
        results=results,
        started=timestamp(results.started_at),
        duration=units.duration(results.duration_s),
        notices=[notice for notice in find_notices(results) if notice.grave],
        sections=list(_sections(results)),
    )


def render_page(template: str, **values: object) -> str:
    """Render a page with the style sheet of all pages."""
    style = style_sheet()
    markup = Markup(style)  # noqa: S704 - our own file; escaping would change it and its hash
    return _environment().get_template(template).render(style=markup, style_hash=_hash(style), **values)


def _sections(results: Results) -> Iterator[dict[str, str]]:
    environment, charts = _environment(), draw_charts(results)
    for name, section in SECTIONS.items():
        values, drawn = section.build(results), charts.scenarios.get(section.charts, {})
        if values or drawn:
            values["scenarios"] = {visible(scenario): figures for scenario, figures in drawn.items()}
            template = environment.get_template(f"sections/{name}.html.j2")
            # Escaped by its template.
            body = Markup(template.render(results=results, charts=charts, **values))  # noqa: S704
            yield {"name": name, "title": section.title, "body": body}


def _environment() -> Environment:
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


def _hash(text: str) -> str:
    """What a policy names a style sheet or a script by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
