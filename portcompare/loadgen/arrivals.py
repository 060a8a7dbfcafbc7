"""When the requests of the open model are due."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portcompare.protocol import RateLoad


def due_times(load: RateLoad) -> Iterator[float]:
    """The instants at which requests are due.

    Args:
        load: The rate, the kind of arrivals and their seed.

    Returns:
        Seconds from the beginning, in rising order, without end.
    """
    return _ARRIVALS[load.arrivals](load)


def _even(load: RateLoad) -> Iterator[float]:
    # Divided, not added up: a sum of gaps would drift away from the rate.
    return (number / load.rate_rps for number in count())


def _poisson(load: RateLoad) -> Iterator[float]:
    """Independent arrivals, whose gaps are exponential.

    References:
        Kingman, "Poisson Processes", Oxford University Press, 1993, section 4.1: the interval theorem.
    """
    random = Random(load.seed)  # noqa: S311 - a schedule, not a secret
    due_s = 0.0
    while True:
        due_s += random.expovariate(load.rate_rps)
        yield due_s


_ARRIVALS: dict[str, Callable[[RateLoad], Iterator[float]]] = {"poisson": _poisson, "even": _even}
