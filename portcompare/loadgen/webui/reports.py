"""What a process with users reports of each second, to the process that adds it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from portcompare.loadgen.figures import make_histogram
from portcompare.wire.protocol import make_decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from portcompare.loadgen.figures import Tally

TYPE: Final = "portcompare_second"
"""Of the Locust message that carries a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one scenario did on one arm."""

    scenario: str  # Name of the scenario, or of the user class
    arm: str  # Name of the arm
    # Latencies of the successful requests, as a base64 encoded HdrHistogram in microseconds; empty without
    # any
    histogram: str
    failures: int  # Failed requests


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondReport:
    """What one process counted in a second of a test; no instant is in it, so clocks need not agree."""

    test: int | None  # Number of the test, as the leading process gave it; None where nobody gives any
    second: int  # Number of the second, by the process's own clock
    length_s: float  # How long it was
    cells: tuple[Cell, ...]  # What was counted


decode_report: Callable[[str | bytes], SecondReport] = make_decoder(SecondReport)


def make_cells(
    tallies: Mapping[tuple[str, str], Tally],
    lines: Mapping[tuple[str, str], tuple[str, str]],
    label: str = "",
) -> tuple[Cell, ...]:
    """Sum up what was counted, a cell for each line."""
    found: dict[tuple[str, str], list[Tally]] = {}
    for (name, method), tally in tallies.items():
        line = lines.get((name.removesuffix(label), method))
        if line is not None:
            found.setdefault(line, []).append(tally)
    return tuple(_make_cell(*line, together) for line, together in found.items())


def _make_cell(scenario: str, arm: str, tallies: list[Tally]) -> Cell:
    latencies_s = np.concatenate([np.frombuffer(tally.latencies_s) for tally in tallies])
    return Cell(
        scenario=scenario,
        arm=arm,
        histogram=make_histogram(latencies_s).encode().decode() if len(latencies_s) else "",
        failures=sum(len(times_s) for tally in tallies for times_s in tally.failures_s.values()),
    )
