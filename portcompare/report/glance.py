"""The throughput of all candidates at a glance: one row each, one column a scenario and level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.model import METRICS
from portcompare.report.rows import ComparisonRow, comparison_rows

if TYPE_CHECKING:
    from portcompare.model import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """A table of verdicts.

    Attributes:
        columns: Scenario and level of each column.
        rows: By candidate, the comparison of each column; None where there is none.
    """

    columns: tuple[tuple[str, str], ...]
    rows: dict[str, tuple[ComparisonRow | None, ...]]


MOST_COLUMNS = 8
"""With more it is no longer a glance."""


def find_glance(results: Results) -> Glance | None:
    """Put the verdicts on the throughput together.

    Args:
        results: The run.

    Returns:
        The table; None where nothing was compared, or too much for one look.
    """
    rows = [
        row
        for one, row in zip(results.comparisons, comparison_rows(results), strict=True)
        if one.metric == METRICS[0]
    ]
    by_place = {(row.scenario, row.level, row.candidate): row for row in rows}
    columns = tuple(dict.fromkeys((row.scenario, row.level) for row in rows))
    if not 0 < len(columns) <= MOST_COLUMNS:
        return None
    candidates = dict.fromkeys(row.candidate for row in rows)
    return Glance(
        columns=columns,
        rows={name: tuple(by_place.get((*column, name)) for column in columns) for name in candidates},
    )
