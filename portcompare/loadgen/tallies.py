"""What users count while they send requests: the running tallies, by request."""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

NOT_SENT: Final = "not sent in time"
"""The kind of failure of a request of the open model that found no free connection."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What users counted since the tally was begun; instants are seconds of `time.perf_counter()`."""

    latencies_s: array[float] = field(default_factory=lambda: array("d"))  # One for each successful request
    ended_s: array[float] = field(default_factory=lambda: array("d"))  # When each of them ended
    received_bytes: int = 0  # Of the successful requests, headers included, where users read them themselves
    # How long each failed request took, by kind of failure
    failures_s: defaultdict[str, array[float]] = field(
        default_factory=lambda: defaultdict(lambda: array("d"))
    )
    # When each of them ended, in the same order
    failed_s: defaultdict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    handler_s: list[float] = field(default_factory=list)  # `Server-Timing: app` of sampled responses
    # Connections made because the server had closed the one before, announced or not; those made after a
    # failure do not count
    reconnects: int = 0
    closed_unannounced: int = 0  # How often it had closed one that its last response had kept
    wrong_examples: dict[str, str] = field(default_factory=dict)  # As a `LoadReport` has them


@dataclass(slots=True, kw_only=True)
class Pace:
    """How well the schedule of the open model was kept since the pace was begun."""

    due_s: array[float] = field(default_factory=lambda: array("d"))  # When each request was due
    # How long after that it was sent, or left to wait for a free connection
    lags_s: array[float] = field(default_factory=lambda: array("d"))
    dropped: int = 0  # Requests that waited for a connection for as long as the time limit


class Recorder:
    """Where the users of a process count, by the key that Locust's statistics have: (name, method)."""

    __slots__ = ("_tallies", "label")

    def __init__(self) -> None:
        self.label = ""  # Added to the names of what is counted until the next cut
        self._tallies: defaultdict[tuple[str, str], Tally] = defaultdict(Tally)

    def tally(self, key: tuple[str, str]) -> Tally:
        """The running tally of a request; to be fetched again after every wait."""
        return self._tallies[key]

    def ended_s(self) -> NDArray[np.float64]:
        """When the requests of the running tallies ended, failed ones too."""
        return joined(
            part for tally in self._tallies.values() for part in (tally.ended_s, *tally.failed_s.values())
        )

    def latencies_s(self) -> NDArray[np.float64]:
        """The latencies of the running tallies."""
        return joined(tally.latencies_s for tally in self._tallies.values())

    def cut(self) -> dict[tuple[str, str], Tally]:
        """Begin new tallies, and return the old ones."""
        tallies, self._tallies = self._tallies, defaultdict(Tally)
        return {(name + self.label, method): tally for (name, method), tally in tallies.items()}


def joined(parts: Iterable[Sequence[float] | NDArray[np.float64]]) -> NDArray[np.float64]:
    """All parts in one array."""
    return np.concatenate([np.empty(0), *(np.asarray(part, dtype=float) for part in parts)])


def add_up(tallies: Iterable[Tally]) -> Tally:
    """All that tallies hold, in one; of each kind of wrong response the first example."""
    total = Tally()
    for tally in tallies:
        total.latencies_s += tally.latencies_s
        total.ended_s += tally.ended_s
        total.received_bytes += tally.received_bytes
        for kind, times_s in tally.failures_s.items():
            total.failures_s[kind] += times_s
        for kind, instants_s in tally.failed_s.items():
            total.failed_s[kind] += instants_s
        total.handler_s += tally.handler_s
        total.reconnects += tally.reconnects
        total.closed_unannounced += tally.closed_unannounced
        total.wrong_examples = tally.wrong_examples | total.wrong_examples
    return total
