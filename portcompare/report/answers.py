"""The answers of a check as rich renderables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from portcompare.report.differences import (
    DIFFERENCE_HEADER,
    RANKS,
    curl_pairs,
    difference_cells,
    group_alike,
    masked_texts,
    summary_text,
)
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from portcompare.differences import Difference, Parity, Severity
    from portcompare.report.differences import Alike


_LONGEST = 200
_MOST_ROWS = 40
"""A terminal with more is not read; JSON has all."""

_MOST_MASKED = 20
_STYLES: dict[Severity, str] = {"breaks": "bold red", "changes": "yellow", "harmless": "dim"}


def render_parity(parity: Parity) -> Group:
    """Whether all deployments answer alike, and every difference.

    Args:
        parity: The check.

    Returns:
        A sentence; below it, where there is any, the differences with the command lines that show them, what
        is allowed, what was not compared, the seeds, and warnings. To be printed without cropping, so that
        command lines stay whole.
    """
    return Group(*_parts(parity))


def _parts(parity: Parity) -> Iterator[RenderableType]:
    compared = f"{parity.cases} cases, {len(parity.deployments)} deployments compared with the baseline"
    if parity.equal:
        yield Text(f"The answers are alike: {summary_text(parity)} ({compared}).", style="green")
    else:
        yield Text(f"The answers differ: {summary_text(parity)} ({compared}).", style="bold red")
    shown = [each for each in parity.differences if not each.allowed]
    if shown:
        yield from _differences(shown)
    allowed = [each for each in parity.differences if each.allowed]
    if allowed:
        yield Text("\nAllowed by the plan:")
        yield from _table(group_alike(allowed))
    if parity.masked:
        yield Text("\nNot compared, because it differs by itself:")
        masked = masked_texts(parity.masked)
        yield from (Text(f"  {place}") for place in masked[:_MOST_MASKED])
        yield from _more(len(masked), _MOST_MASKED)
    if parity.seeds:
        yield Text(f"\nSeeds of the generated cases: {visible(', '.join(parity.seeds))}")
    yield from (Text(f"\nWARNING: {visible(warning)}", style="yellow") for warning in parity.warnings)


def _differences(shown: Sequence[Difference]) -> Iterator[RenderableType]:
    groups = group_alike(shown)
    yield Text(f"\n{RANKS}\n")
    yield from _table(groups)
    yield Text("\nTo see it while `portcompare up` serves them (it prints the ports):")
    for title, baseline, candidate in curl_pairs(group.first for group in groups[:_MOST_ROWS]):
        yield Text(title, style="bold")
        # Not wrapped: a line that is copied must stay one.
        yield from (Text(f"  {line}", no_wrap=True, overflow="ignore") for line in (baseline, candidate))


def _table(groups: Sequence[Alike]) -> Iterator[RenderableType]:
    table = Table(*(name.lower() for name in DIFFERENCE_HEADER), box=None, show_lines=True)
    for group in groups[:_MOST_ROWS]:
        cells = (Text(cell) for cell in difference_cells(group, _LONGEST))
        table.add_row(*cells, style=_STYLES[group.first.severity])
    yield table
    yield from _more(len(groups), _MOST_ROWS)


def _more(number: int, most: int) -> Iterator[Text]:
    if number > most:
        yield Text(f"  and {number - most} more: `--json`, or the run's results.json, has all")
