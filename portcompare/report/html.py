"""The report as one HTML file that opens anywhere: no script, no network, nothing beside it."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portcompare import units
from portcompare.report.histograms import HISTOGRAM_FOLDER
from portcompare.report.results_file import RESULTS_FILE
from portcompare.report.sections import SECTIONS
from portcompare.report.wording import timestamp, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.model import Results

_TEMPLATES = Path(__file__).parent / "templates"


def render(results: Results) -> str:
    """Render a run as a web page.

    Args:
        results: The run.

    Returns:
        HTML.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["visible"] = visible
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(
        style=Markup(style),  # noqa: S704 - our own file; escaping would change it and its hash
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        results=results,
        started=timestamp(results.started_at),
        duration=units.duration(results.duration_s),
        sections=_sections(environment, results),
        results_file=RESULTS_FILE,
        histogram_folder=HISTOGRAM_FOLDER,
    )


def _sections(environment: Environment, results: Results) -> Iterator[Markup]:
    for name, build in SECTIONS.items():
        context = build(results)
        if context is not None:
            template = environment.get_template(f"sections/{name}.html.j2")
            yield Markup(template.render(results=results, **context))  # noqa: S704 - escaped by its template
