"""The answers of a check as rich renderables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from portcompare.report.wording import clipped, visible
from portcompare.units import count

if TYPE_CHECKING:
    from portcompare.model import Parity


_LONGEST = 200


def render_parity(parity: Parity) -> Group:
    """Whether all deployments answer alike, and every difference.

    Args:
        parity: The check.

    Returns:
        A sentence, and a table where there is something to show.
    """
    compared = f"{parity.cases} cases, {len(parity.deployments)} deployments compared with the baseline"
    if parity.equal:
        return Group(Text(f"The answers are alike ({compared}).", style="green"))
    table = Table("case", "deployment", "where", "baseline", "candidate", box=None, show_lines=True)
    for one in parity.differences:
        where = f"{one.kind} {one.pointer}".strip()
        cells = (one.case, one.deployment, where, one.baseline, one.candidate)
        table.add_row(*(Text(visible(clipped(cell, _LONGEST))) for cell in cells))
    places = count(len(parity.differences), "place")
    return Group(Text(f"The answers differ in {places} ({compared}).", style="bold red"), table)
