"""The sections of the web page: what the template of each is given; None where a run has nothing for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portcompare.records.results import Results
from portcompare.report.charts.registry import draw_charts
from portcompare.report.rows import (
    COMPARISON_HEADER,
    arm_rows,
    comparison_cells,
    comparison_rows,
    find_glance,
    rows_by_level,
)
from portcompare.report.sections.answers import (
    DIFFERENCE_HEADER,
    RANKS,
    curl_pairs,
    difference_cells,
    group_alike,
    masked_texts,
)
from portcompare.report.sections.checks import claim_tables, gate_tables
from portcompare.report.sections.files import BESIDE, files_inside
from portcompare.report.sections.load import break_even_tables, capacity_tables
from portcompare.report.sections.method import deployment_settings, machine_facts, method_facts
from portcompare.report.sections.pages import page_tables
from portcompare.report.sections.rounds import ROUND_HEADER, round_rows
from portcompare.report.sections.validity import (
    DISCARDED_HEADER,
    control_rows,
    discarded_rows,
    find_notices,
    parity_text,
    trust_facts,
)
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from portcompare.report.sections.answers import Alike

Context = dict[str, Any]

_LONGEST_ANSWER = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page with a heading of its own."""

    title: str  # The heading
    # Makes what the section's template shows; None where the run has nothing for it
    build: Callable[[Results], Context | None]


def _conclusions(results: Results) -> Context:
    by_scenario: dict[str, list[str]] = {}
    for one in results.conclusions:
        by_scenario.setdefault(visible(one.scenario), []).append(visible(one.text))
    return {
        "glance": find_glance(results),
        "baseline": visible(str(results.plan.get("baseline", ""))),
        "scenarios": by_scenario,
        "parity": parity_text(results),
        "notices": [notice for notice in find_notices(results) if not notice.grave],
    }


def _gates(results: Results) -> Context | None:
    return {"tables": gate_tables(results)} if results.gates else None


def _claims(results: Results) -> Context | None:
    tables = claim_tables(results)
    return {"tables": tables} if tables else None


def _deployments(results: Results) -> Context | None:
    return {"groups": rows_by_level(arm_rows(results))} if results.summaries else None


def _ratios(results: Results) -> Context | None:
    if not results.comparisons:
        return None
    return {
        "scenarios": _named(results, "ratios"),
        "header": COMPARISON_HEADER,
        "comparisons": [comparison_cells(row) for row in comparison_rows(results)],
    }


def _charts(subject: str) -> Callable[[Results], Context | None]:
    """A section that shows the charts of one subject and nothing else."""

    def build(results: Results) -> Context | None:
        scenarios = _named(results, subject)
        return {"scenarios": scenarios} if scenarios else None

    return build


def _load(results: Results) -> Context | None:
    scenarios, capacities = _named(results, "load"), draw_charts(results).capacities
    tables = capacity_tables(results)
    if not (scenarios or capacities or tables):
        return None
    return {"scenarios": scenarios, "capacities": capacities, "tables": tables}


def _break_even(results: Results) -> Context | None:
    maps = draw_charts(results).heat_maps
    return {"maps": maps, "tables": break_even_tables(results)} if maps else None


def _pages(results: Results) -> Context | None:
    tables = page_tables(results)
    if not tables:
        return None
    return {"browser": results.pages.browser, "figures": draw_charts(results).pages, "tables": tables}


def _answers(results: Results) -> Context:
    counting = _differences(results, allowed=False)
    return {
        "parity": parity_text(results),
        "header": DIFFERENCE_HEADER,
        "ranks": RANKS,
        "differences": [difference_cells(each, _LONGEST_ANSWER) for each in counting],
        "allowed": [difference_cells(each, _LONGEST_ANSWER) for each in _differences(results, allowed=True)],
        "commands": curl_pairs(group.first for group in counting),
        "masked": masked_texts(results.parity.masked if results.parity else ()),
    }


def _method(results: Results) -> Context:
    return {
        "method": method_facts(results),
        "machine": machine_facts(results),
        "settings": deployment_settings(results),
    }


def _validity(results: Results) -> Context:
    return {
        "facts": trust_facts(results),
        "header": COMPARISON_HEADER,
        "control": control_rows(results),
        "discarded_header": DISCARDED_HEADER,
        "discarded": discarded_rows(results),
    }


def _rounds(results: Results) -> Context:
    return {"header": ROUND_HEADER, "rounds": round_rows(results)}


def _files(results: Results) -> Context:
    return {"inside": tuple(files_inside(results)), "beside": BESIDE}


SECTIONS: dict[str, Section] = {
    "conclusions": Section(title="Conclusions", build=_conclusions),
    "gates": Section(title="Gates", build=_gates),
    "claims": Section(title="What people say, tested", build=_claims),
    "deployments": Section(title="What each deployment did", build=_deployments),
    "ratios": Section(title="Candidates against the baseline", build=_ratios),
    "latency": Section(title="How response times are distributed", build=_charts("latency")),
    "load": Section(title="What more load does", build=_load),
    "break_even": Section(title="From where on a candidate wins", build=_break_even),
    "pages": Section(title="What a visitor waits for", build=_pages),
    "time": Section(title="Where the time goes", build=_charts("time")),
    "cost": Section(title="What it costs", build=_charts("cost")),
    "timeline": Section(title="The run, second by second", build=_charts("timeline")),
    "answers": Section(title="Answers", build=_answers),
    "method": Section(title="How it was measured", build=_method),
    "validity": Section(title="Whether it can be trusted", build=_validity),
    "rounds": Section(title="Rounds", build=_rounds),
    "files": Section(title="Files", build=_files),
}
"""Each section in the page's order, by the name of its template beside this file."""


def _named(results: Results, subject: str) -> dict[str, Any]:
    return {visible(name): figures for name, figures in draw_charts(results).scenarios[subject].items()}


def _differences(results: Results, *, allowed: bool) -> list[Alike]:
    found = results.parity.differences if results.parity else ()
    return group_alike(each for each in found if bool(each.allowed) == allowed)
