"""The sections of the web page: what the template of each is given, or None where a run has nothing for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portcompare.report.break_even import break_even_tables
from portcompare.report.capacity import capacity_tables
from portcompare.report.differences import DIFFERENCE_HEADER, RANKS, curl_pairs, difference_cells
from portcompare.report.forest import forest_plots
from portcompare.report.latency import latency_chart
from portcompare.report.method import deployment_settings, machine_facts, method_facts
from portcompare.report.notices import find_notices, parity_text
from portcompare.report.rounds import ROUND_HEADER, round_rows
from portcompare.report.rows import (
    COMPARISON_HEADER,
    arm_rows,
    comparison_cells,
    comparison_rows,
    rows_by_level,
)
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from portcompare.model import Difference, Results

Context = dict[str, Any]

_LONGEST_ANSWER = 500


def _notices(results: Results) -> Context | None:
    notices = find_notices(results)
    return {"notices": notices} if notices else None


def _conclusions(results: Results) -> Context:
    by_scenario: dict[str, list[str]] = {}
    for one in results.conclusions:
        by_scenario.setdefault(visible(one.scenario), []).append(visible(one.text))
    return {"scenarios": by_scenario, "parity": parity_text(results)}


def _sweeps(results: Results) -> Context | None:
    tables = (*break_even_tables(results), *capacity_tables(results))
    return {"tables": tables} if tables else None


def _deployments(results: Results) -> Context | None:
    return {"groups": rows_by_level(arm_rows(results))} if results.summaries else None


def _ratios(results: Results) -> Context | None:
    if not results.comparisons:
        return None
    return {
        "scenarios": {
            visible(name): (*forest_plots(results, name), latency_chart(results, name))
            for name in scenario_names(results)
        },
        "header": COMPARISON_HEADER,
        "comparisons": [comparison_cells(row) for row in comparison_rows(results)],
    }


def _answers(results: Results) -> Context:
    counting = _differences(results, allowed=False)
    return {
        "parity": parity_text(results),
        "header": DIFFERENCE_HEADER,
        "ranks": RANKS,
        "differences": [difference_cells(each, _LONGEST_ANSWER) for each in counting],
        "allowed": [difference_cells(each, _LONGEST_ANSWER) for each in _differences(results, allowed=True)],
        "commands": curl_pairs(counting),
    }


def _method(results: Results) -> Context:
    return {
        "method": method_facts(results),
        "machine": machine_facts(results),
        "settings": deployment_settings(results),
    }


def _rounds(results: Results) -> Context:
    return {"header": ROUND_HEADER, "rounds": round_rows(results)}


SECTIONS: dict[str, Callable[[Results], Context | None]] = {
    "notices": _notices,
    "conclusions": _conclusions,
    "deployments": _deployments,
    "ratios": _ratios,
    "sweeps": _sweeps,
    "answers": _answers,
    "method": _method,
    "rounds": _rounds,
}
"""Each section in the page's order, by the name of its template in `templates/sections/`."""


def scenario_names(results: Results) -> tuple[str, ...]:
    """The scenarios that have levels of their own.

    Args:
        results: The run.

    Returns:
        Their names, in the record's order.
    """
    return tuple(dict.fromkeys(one.scenario for one in results.summaries))


def _differences(results: Results, *, allowed: bool) -> list[Difference]:
    found = results.parity.differences if results.parity else ()
    return [each for each in found if bool(each.allowed) == allowed]
