"""The report as one HTML file that opens anywhere: no script, no network, nothing beside it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portcompare import units
from portcompare.report.break_even import break_even_tables
from portcompare.report.capacity import capacity_tables
from portcompare.report.differences import DIFFERENCE_HEADER, RANKS, curl_pairs, difference_cells
from portcompare.report.forest import forest_plots
from portcompare.report.histograms import HISTOGRAM_FOLDER
from portcompare.report.latency import latency_chart
from portcompare.report.method import deployment_settings, machine_facts, method_facts
from portcompare.report.notices import find_notices, parity_text
from portcompare.report.results_file import RESULTS_FILE
from portcompare.report.rounds import ROUND_HEADER, round_rows
from portcompare.report.rows import (
    COMPARISON_HEADER,
    ArmRow,
    arm_rows,
    comparison_cells,
    comparison_rows,
    rows_by_level,
)
from portcompare.report.svg import Figure
from portcompare.report.wording import timestamp, visible

if TYPE_CHECKING:
    from portcompare.model import Difference, Results

_TEMPLATES = Path(__file__).parent / "templates"
_LONGEST_ANSWER = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPart:
    """What the page shows of one scenario.

    Attributes:
        name: The scenario's name.
        conclusions: The sentences about it.
        groups: Its levels, each with the rows of its arms.
        forests: Its ratios, one figure a metric.
        latency: Its response times; None if it has no levels of its own.
    """

    name: str
    conclusions: tuple[str, ...]
    groups: tuple[tuple[str, tuple[ArmRow, ...]], ...]
    forests: tuple[Figure, ...]
    latency: Figure | None


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
        notices=find_notices(results),
        scenarios=_scenarios(results),
        sweeps=(*break_even_tables(results), *capacity_tables(results)),
        comparison_header=COMPARISON_HEADER,
        comparisons=[comparison_cells(row) for row in comparison_rows(results)],
        difference_header=DIFFERENCE_HEADER,
        ranks=RANKS,
        differences=[
            difference_cells(each, _LONGEST_ANSWER) for each in _differences(results, allowed=False)
        ],
        allowed=[difference_cells(each, _LONGEST_ANSWER) for each in _differences(results, allowed=True)],
        commands=curl_pairs(_differences(results, allowed=False)),
        parity=parity_text(results),
        method=method_facts(results),
        machine=machine_facts(results),
        settings=deployment_settings(results),
        round_header=ROUND_HEADER,
        rounds=round_rows(results),
        results_file=RESULTS_FILE,
        histogram_folder=HISTOGRAM_FOLDER,
    )


def _differences(results: Results, *, allowed: bool) -> list[Difference]:
    found = results.parity.differences if results.parity else ()
    return [each for each in found if bool(each.allowed) == allowed]


def _scenarios(results: Results) -> tuple[ScenarioPart, ...]:
    names = dict.fromkeys([s.scenario for s in results.summaries] + [c.scenario for c in results.conclusions])
    return tuple(_scenario(results, name) for name in names)


def _scenario(results: Results, name: str) -> ScenarioPart:
    rows = [row for s, row in zip(results.summaries, arm_rows(results), strict=True) if s.scenario == name]
    return ScenarioPart(
        name=visible(name),
        conclusions=tuple(visible(c.text) for c in results.conclusions if c.scenario == name),
        groups=tuple((level, tuple(group)) for (_, level), group in rows_by_level(rows).items()),
        forests=forest_plots(results, name),
        latency=latency_chart(results, name) if rows else None,
    )
