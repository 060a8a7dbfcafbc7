"""Where a candidate begins to win, as a heat map over delay and users, one chart a candidate."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

import altair as alt

from portcompare import units
from portcompare.report.break_even import break_even_tables
from portcompare.report.files import safe_name
from portcompare.report.svg import FONT_SIZE, FONT_SLACK, ROWS, TEXT, Figure, draw, guide, overlay, told
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from portcompare.model import Results
    from portcompare.report.wording import Tone
    from portcompare.sweeps import BreakEven, BreakEvenCell, CellState

_STEP_X, _STEP_Y = 58, 30
_TONES: dict[CellState, Tone] = {"wins": "better", "loses": "worse", "equal": "same", "undecided": "unsure"}
_IMPLIED: dict[bool | None, str] = {True: "wins", False: "no win", None: "?"}
_FULL = 4.0
"""A ratio so far from 1 is shown in the full colour."""
_FAINTEST, _STRONGEST, _IMPLIED_OPACITY = 0.14, 0.6, 0.08


def heat_maps(results: Results) -> tuple[Figure, ...]:
    """Draw the break-even grids.

    Args:
        results: The run.

    Returns:
        A figure for the control and each candidate; none if the plan did not ask for it.
    """
    tables = break_even_tables(results)
    return tuple(
        _figure(grid, table.header, table.rows)
        for grid, table in zip(results.sweeps.break_even, tables, strict=True)
    )


def _figure(grid: BreakEven, header: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> Figure:
    title = f"Break-even of {visible(grid.candidate)}"
    subtitle = "throughput divided by the baseline's, by delay and users"
    description = (
        "Heat map: a row for each delay, a column for each number of users, in each cell the ratio; coloured"
        " where the candidate wins, loses or is equal, the stronger the further the ratio is from 1."
    )
    return Figure(
        name=f"break-even-{safe_name(grid.candidate)}",
        title=title,
        subtitle=subtitle,
        description=description,
        svg=draw(
            _chart(), {"rows": [_datum(cell) for cell in grid.cells]}, f"{title}, {subtitle}", description
        ),
        header=header,
        rows=rows,
        note="Cells without a ratio were not measured: what stands there their neighbours share.",
    )


def _chart() -> alt.LayerChart:
    tones = list(_TONES.values())
    axis = guide(ticks=False, labelAngle=0)
    base = alt.Chart(ROWS).encode(
        x=alt.X("users:O", title="users", axis=axis),
        y=alt.Y("delay:N", sort=None, title="delay", axis=axis | {"titlePadding": FONT_SLACK}),
    )
    cells = base.mark_rect(stroke="var(--panel)", strokeWidth=2).encode(
        color=alt.Color(
            "tone:N", legend=None, scale=guide(domain=tones, range=[f"var(--{tone})" for tone in tones])
        ),
        opacity=alt.Opacity("opacity:Q", legend=None, scale=None),
        description="told:N",
    )
    text = base.mark_text(fontSize=FONT_SIZE, color=TEXT).encode(text="text:N")
    return overlay(cells, text, width=alt.Step(_STEP_X), height=alt.Step(_STEP_Y))


def _datum(cell: BreakEvenCell) -> dict[str, Any]:
    delay = units.duration(cell.delay_s) if cell.delay_s else "none"
    datum: dict[str, Any] = {"delay": delay, "users": cell.users}
    where = f"delay {delay}, {units.count(cell.users, 'user')}"
    if cell.ratio is None or cell.low is None or cell.high is None:
        text = _IMPLIED[cell.implied]
        tone = "better" if cell.implied else "unsure"
        return datum | {
            "text": text,
            "tone": tone,
            "opacity": _IMPLIED_OPACITY,
            "told": told(f"{where}: not measured, {text} around it"),
        }
    strength = min(abs(log(cell.ratio)) / log(_FULL), 1.0) if cell.ratio > 0 else 1.0
    interval = f"[{units.ratio(cell.low)}, {units.ratio(cell.high)}]"
    return datum | {
        "text": units.ratio(cell.ratio),
        "tone": _TONES.get(cell.state, "unsure"),
        "opacity": _FAINTEST + (_STRONGEST - _FAINTEST) * strength,
        "told": told(f"{where}: {units.ratio(cell.ratio)} {interval}, {cell.state}"),
    }
