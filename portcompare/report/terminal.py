"""The run as rich renderables; only the command line prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from portcompare.report.break_even import break_even_tables
from portcompare.report.capacity import capacity_tables
from portcompare.report.claims import claim_tables
from portcompare.report.gates import render_gates
from portcompare.report.notices import find_notices, parity_text
from portcompare.report.rows import ARM_HEADER, arm_cells, arm_rows, rows_by_level
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from portcompare.model import Results
    from portcompare.report.notices import Notice
    from portcompare.report.rows import ArmRow
    from portcompare.report.tables import TextTable
    from portcompare.report.wording import Tone

TONE_STYLES: dict[Tone | None, str] = {
    "better": "green",
    "worse": "red",
    "same": "cyan",
    "unsure": "yellow",
    None: "",
}
_GRAVE = "bold red"


def render_table(results: Results) -> Table | Text:
    """The table of arms: pattern, server processing, response delay, network payload, verdict.

    Args:
        results: The run.

    Returns:
        The table, for a terminal of 80 columns or more; its title alone if there are no rows.
    """
    if not results.summaries:
        return _title(results)
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, expand=True, padding=(0, 1, 1, 0), title=_title(results)
    )
    pattern, server, delay, payload, verdict = ARM_HEADER
    table.add_column(pattern, ratio=1, overflow="fold")
    table.add_column(server, no_wrap=True)
    table.add_column(delay, no_wrap=True)
    table.add_column(payload.replace(" ", "\n"), no_wrap=True)
    table.add_column(verdict, ratio=1, overflow="fold")
    for rows in rows_by_level(arm_rows(results)).values():
        for row in rows:
            table.add_row(*_cells(row))
        table.add_section()
    return table


def render_conclusions(results: Results) -> Group:
    """What a reader must know: sweeps, headline, notices, conclusions, and whether the answers are alike.

    Args:
        results: The run.

    Returns:
        One table, line or paragraph for each; the gates come last.
    """
    lines = [Text(visible(results.headline), style="bold")]
    lines += map(notice_line, find_notices(results))
    lines += [
        Text.assemble((f"{visible(c.scenario)}: ", "bold"), visible(c.text)) for c in results.conclusions
    ]
    verdicts = claim_tables(results)[:1]  # the checks behind them fill a page
    tables = (*break_even_tables(results), *capacity_tables(results), *verdicts)
    gates = render_gates(results)
    return Group(*map(text_table, tables), *lines, Text(f"{parity_text(results)}."), *gates)


def notice_line(notice: Notice) -> Text:
    """What must be known before any figure.

    Args:
        notice: The notice.

    Returns:
        A paragraph.
    """
    return Text.assemble((notice.label, _GRAVE if notice.grave else "bold yellow"), f": {notice.text}")


def text_table(found: TextTable) -> Table:
    """A table of words.

    Args:
        found: The table.

    Returns:
        The table as wide as the terminal.
    """
    table = Table(box=box.SIMPLE_HEAD, title=Text(found.title), caption=Text(found.note), expand=True)
    for name in found.header:
        table.add_column(Text(name), overflow="fold")
    for row in found.rows:
        table.add_row(*map(Text, row))
    return table


def _title(results: Results) -> Text:
    title = Text(visible(results.name), style="bold")
    if results.partial:
        title.append(" PARTIAL", style=_GRAVE)
    if not results.valid:
        title.append(" NOT VALID", style=_GRAVE)
    return title


def _cells(row: ArmRow) -> list[Text]:
    """The cells; texts and not markup, for a name may hold brackets."""
    cells = [Text("\n").join([Text(line) for line in lines]) for lines in arm_cells(row)]
    cells[0].highlight_words([row.deployment], "bold")
    cells[-1].highlight_words([row.verdict], TONE_STYLES[row.tone])
    return cells
