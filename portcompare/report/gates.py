"""The plan's gates in words: what was asked for, what was measured, and whether it passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from portcompare import units
from portcompare.report.tables import TextTable
from portcompare.report.wording import METRIC_NAMES, exact, interval, known, level_text, visible

if TYPE_CHECKING:
    from portcompare.gates import GateResult
    from portcompare.model import Results

_HEADER = ("Gate", "Must be", "Ratio", "95% interval", "Outcome", "Reason")
_NOTE = (
    "The whole interval decides: wholly on the right side of its limits a gate is kept, wholly on the wrong"
    " side of one it is broken."
)


def gate_tables(results: Results) -> tuple[TextTable, ...]:
    """The gates and what they came to.

    Args:
        results: The run.

    Returns:
        One table; none where the plan has no gates.
    """
    if not results.gates:
        return ()
    rows = tuple(_row(results, gate) for gate in results.gates)
    return (TextTable(title=f"Gates: {gates_text(results)}", note=_NOTE, header=_HEADER, rows=rows),)


def render_gates(results: Results) -> tuple[Table, ...]:
    """The same for a terminal of 80 columns or more: the reason stands below the gate.

    Args:
        results: The run.

    Returns:
        One table; none where the plan has no gates.
    """
    tables = []
    for found in gate_tables(results):
        table = Table(
            box=box.SIMPLE_HEAD,
            show_edge=False,
            expand=True,
            padding=(0, 1, 1, 0),
            title=Text(found.title, "bold"),
        )
        table.add_column(found.header[0], ratio=1, overflow="fold")
        for name in found.header[1:-1]:
            table.add_column(name, no_wrap=True)
        for gate, (what, *cells, reason) in zip(results.gates, found.rows, strict=True):
            style = "green" if gate.passed else "bold red"
            *middle, outcome = map(Text, cells)
            outcome.stylize(style)
            table.add_row(Text.assemble(what, "\n", (reason, "dim")), *middle, outcome)
        tables.append(table)
    return tuple(tables)


def gates_text(results: Results) -> str:
    """What the gates came to in a clause.

    Args:
        results: The run; it has gates.

    Returns:
        Text such as "1 of 3 not passed".
    """
    missed = sum(not gate.passed for gate in results.gates)
    return f"{missed} of {len(results.gates)} not passed" if missed else f"{len(results.gates)} passed"


def _row(results: Results, gate: GateResult) -> tuple[str, ...]:
    place = f"{visible(gate.scenario)}, {level_text(results, gate.scenario, gate.level)}"
    over = " / baseline" if gate.relative else ""
    other = over if gate.against is None else f"{over} against {visible(gate.against)}"
    return (
        f"{METRIC_NAMES[gate.metric]} of {visible(gate.candidate)}{other} ({place})",
        _limits(gate),
        known(gate.ratio, units.ratio),
        interval(gate),
        gate.outcome,
        visible(gate.reason) + ("" if gate.outcome in ("kept", "broken") else _what_it_means(gate)),
    )


def _what_it_means(gate: GateResult) -> str:
    return "; the plan lets it pass" if gate.passed else "; so it does not pass"


def _limits(gate: GateResult) -> str:
    limits = (("at least", gate.min_ratio), ("at most", gate.max_ratio))
    return ", ".join(f"{what} {exact(limit)}x" for what, limit in limits if limit is not None)
