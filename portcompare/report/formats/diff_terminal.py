"""The comparison of two runs as rich renderables; only the command line prints them."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from portcompare import units
from portcompare.records.metrics import METRICS
from portcompare.report.formats.diff_rows import altered_tables, change_groups, diff_notices, run_line
from portcompare.report.formats.terminal import TONE_STYLES, notice_line, text_table
from portcompare.report.wording import TONES, interval, known, level_text, visible

if TYPE_CHECKING:
    from portcompare.records.changes import RunDiff
    from portcompare.records.metrics import MetricName
    from portcompare.records.results import Results
    from portcompare.report.formats.diff_rows import ChangeGroup
    from portcompare.report.rows import TextTable

_MOST_ROWS = 12
_SHORT: dict[MetricName, str] = {"cpu_s_per_request": "CPU time"}
"""What a metric is called where there is little room, if not by its own name."""


def render_diff(diff: RunDiff, results: Results) -> Group:
    """The whole comparison: what was not the same, what was compared, what it comes to."""
    return Group(
        Text.assemble(("old: ", "bold"), run_line(diff.old)),
        Text.assemble(("new: ", "bold"), run_line(diff.new)),
        *(text_table(_cut(table)) for table in altered_tables(diff)),
        *(_group_table(group, results) for group in change_groups(diff)),
        Text(visible(diff.headline), style="bold"),
        *map(notice_line, diff_notices(diff)),
    )


def _group_table(group: ChangeGroup, results: Results) -> Table:
    """A table with a section for each level, a line for each metric."""
    table = Table(
        box=box.SIMPLE_HEAD, expand=True, title=Text(f"\n{group.title}", "bold"), caption=Text(group.note)
    )
    table.add_column("Deployment", ratio=1, overflow="fold")
    for name in ("Metric", "New / old", "95% interval", "Verdict"):
        table.add_column(name, no_wrap=True)
    for (scenario, level), changes in groupby(group.changes, key=lambda one: (one.scenario, one.level)):
        place = f"{visible(scenario)}, {level_text(results, scenario, level)}"
        table.add_row(Text(place, "bold"))
        for one in changes:
            verdict = one.ratio.verdict or "invalid"
            table.add_row(
                Text(visible(one.deployment)),
                Text(_SHORT.get(one.metric, one.metric)),
                Text(known(one.ratio.point, units.ratio)),
                Text(interval(one.ratio)),
                Text(METRICS[one.metric].word(verdict), TONE_STYLES[TONES[verdict]]),
            )
        table.add_section()
    return table


def _cut(table: TextTable) -> TextTable:
    """A table of which a terminal shows the beginning; the other formats show it whole."""
    more = len(table.rows) - _MOST_ROWS
    if more <= 0:
        return table
    note = f"{table.note} And {units.count(more, 'more line')}: --out DIR or --json shows all."
    return replace(table, rows=table.rows[:_MOST_ROWS], note=note)
