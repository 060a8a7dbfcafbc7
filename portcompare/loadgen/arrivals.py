"""When the requests of the open model are due."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portcompare.wire.protocol import RateLoad


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One process's part of the load."""

    index: int  # The process's number, from 0
    processes: int  # How many there are

    def of(self, total: int) -> int:
        """How many of something this process gets."""
        return len(range(self.index, total, self.processes))

    def number(self, place: int) -> int:
        """The number, among all processes, of something that this process got."""
        return place * self.processes + self.index


WHOLE: Final = Share(index=0, processes=1)
"""The share of a process that is alone."""


def due_times(load: RateLoad, share: Share = WHOLE) -> Iterator[float]:
    """The instants at which requests are due."""
    return _ARRIVALS[load.arrivals](load, share)


def _even(load: RateLoad, share: Share) -> Iterator[float]:
    # Divided, not added up: a sum of gaps would drift away from the rate.
    return (share.number(place) / load.rate_rps for place in count())


def _poisson(load: RateLoad, share: Share) -> Iterator[float]:
    """Independent arrivals, whose gaps are exponential; independent shares add up to such arrivals again.

    References:
        Kingman, "Poisson Processes", Oxford University Press, 1993, section 4.1: the interval theorem.
    """
    # One that is alone keeps the schedule that the seed has always stood for.
    seed = load.seed if share == WHOLE else f"{load.seed}/{share.index}"
    random = Random(seed)  # noqa: S311 - a schedule, not a secret
    due_s = 0.0
    while True:
        due_s += random.expovariate(load.rate_rps / share.processes)
        yield due_s


_ARRIVALS: dict[str, Callable[[RateLoad, Share], Iterator[float]]] = {"poisson": _poisson, "even": _even}
