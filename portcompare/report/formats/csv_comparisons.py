"""All comparisons as CSV: ratios, intervals and verdicts, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.report.formats.csv_rounds import write_csv
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from portcompare.records.results import Results

_HEADER = ("scenario", "level", "metric", "candidate", "blocks", "ratio", "low", "high", "verdict", "reason")


def render(results: Results) -> str:
    """Write all comparisons down."""
    return write_csv(
        _HEADER,
        (
            (
                visible(one.scenario),
                one.level,
                one.metric,
                visible(one.candidate),
                one.ratio.blocks,
                one.ratio.point,
                one.ratio.low,
                one.ratio.high,
                one.ratio.verdict,
                visible(one.ratio.reason),
            )
            for one in results.comparisons
        ),
    )
