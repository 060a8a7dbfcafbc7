"""The top of the report: conclusions, verdicts at a glance, notices, and whether the responses are alike."""

from dataclasses import dataclass
from typing import Any

from portcompare import units
from portcompare.analyse.comparisons import find_undecided
from portcompare.records.results import Results
from portcompare.report.sections.checks import gates_text
from portcompare.report.sections.measured import ComparisonRow, comparison_rows
from portcompare.report.sections.responses import parity_text
from portcompare.report.wording import TONES, Tone, plan_value, visible

_MOST_COLUMNS = 8
"""With more columns a table of verdicts is no longer a glance."""


def build(results: Results) -> dict[str, Any]:
    """What the section on the conclusions shows."""
    by_scenario: dict[str, list[str]] = {}
    for one in results.conclusions:
        by_scenario.setdefault(visible(one.scenario), []).append(visible(one.text))
    columns, rows = find_glance(results)
    return {
        "columns": columns,
        "rows": rows,
        "baseline": visible(str(results.plan.get("baseline", ""))),
        "conclusions": by_scenario,
        "parity": parity_text(results.parity),
        "notices": [notice for notice in find_notices(results) if not notice.grave],
    }


Glance = tuple[list[tuple[str, str]], dict[str, list[tuple[ComparisonRow, Tone] | None]]]
"""A table of verdicts: scenario and level of each column; by candidate the cell of each column, or None."""


def find_glance(results: Results) -> Glance:
    """The verdicts on the throughput; empty where nothing was compared, or too much for one look."""
    cells = {
        (row.scenario, row.level, row.candidate): (row, TONES[one.ratio.verdict or "invalid"])
        for one, row in zip(results.comparisons, comparison_rows(results), strict=True)
        if one.metric == "throughput"
    }
    columns = list(dict.fromkeys((scenario, level) for scenario, level, _ in cells))
    if len(columns) > _MOST_COLUMNS:
        return [], {}
    candidates = dict.fromkeys(candidate for *_, candidate in cells)
    return columns, {name: [cells.get((*column, name)) for column in columns] for name in candidates}


FEW_BLOCKS = 5
"""Levels of fewer blocks are called out, unless they are known well enough to be done early: one side wins
all of four blocks by chance alone with a probability of 2 / 2**4 = 12%.

References:
    The sign test, https://en.wikipedia.org/wiki/Sign_test
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to know before reading on."""

    grave: bool  # True if the figures must not be relied on as they stand
    label: str  # What kind of thing, in capitals
    text: str  # The thing


def find_notices(results: Results) -> tuple[Notice, ...]:
    """Everything that belongs at the top of a report, the gravest first."""
    notices: list[Notice] = []
    if not results.valid:
        reasons = "; ".join(results.invalid_reasons) or "no reason was recorded"
        notices.append(Notice(grave=True, label="NOT VALID", text=visible(reasons)))
    if results.partial:
        text = "the run was interrupted or broke off; this is what was measured until then"
        notices.append(Notice(grave=True, label="PARTIAL", text=text))
    if results.parity is None:
        text = "nothing proves that the deployments respond alike"
        notices.append(Notice(grave=True, label="RESPONSES NOT COMPARED", text=text))
    elif not results.parity.equal:
        found = units.count(sum(each.counts for each in results.parity.differences), "difference")
        text = f"{found} from the baseline's responses; a comparison of speed means little"
        notices.append(Notice(grave=True, label="RESPONSES DIFFER", text=text))
    if not all(gate.passed for gate in results.gates):
        notices.append(Notice(grave=True, label="GATES", text=gates_text(results)))
    few = [
        one for one in results.comparisons if one.ratio.point is not None and one.ratio.blocks < FEW_BLOCKS
    ]
    rough = find_undecided(few, plan_value(results, "rounds", "precision") or 0.0, is_early=True)
    if rough:
        where = units.count(len(rough), "level")
        text = f"throughput and median rest on fewer than {FEW_BLOCKS} blocks at {where}; intervals are rough"
        notices.append(Notice(grave=False, label="FEW ROUNDS", text=text))
    notices += [Notice(grave=False, label="WARNING", text=visible(warning)) for warning in results.warnings]
    return tuple(notices)
