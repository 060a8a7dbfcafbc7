"""A server that stalls once, and what the open model must find there: worked out from when requests are due.

For tests and benchmarks alike.
"""

from __future__ import annotations

import itertools
import math
import time
from typing import TYPE_CHECKING

from tests.loadgen.scripted import OK

if TYPE_CHECKING:
    from tests.loadgen.scripted import Peer


class StallOnce:
    """A script for `scripted.serve`: answers at once, but for one stall that begins with a request.

    Attributes:
        began_s: When the stall began, in seconds of `time.perf_counter()`; None until then.
        answered_s: When each answer was sent, by the same clock.
    """

    def __init__(self, *, at_request: int, stall_s: float) -> None:
        self._at_request = at_request
        self._stall_s = stall_s
        self._numbers = itertools.count()
        self.began_s: float | None = None
        self.answered_s: list[float] = []

    def __call__(self, peer: Peer) -> None:
        while peer.take_request():
            if next(self._numbers) == self._at_request:
                self.began_s = time.perf_counter()
            if self.began_s is not None:
                peer.wait(max(self.began_s + self._stall_s - time.perf_counter(), 0.0))
            peer.sock.sendall(OK)
            self.answered_s.append(time.perf_counter())


def latencies_after_stall(rate_rps: float, stall_s: float, requests: int) -> list[float]:
    """The latencies of evenly spaced requests to a server that answers at once, but for one stall.

    The stall begins with the arrival of one of them: it waits for all of it, the next one for less by the
    gap between two, and so on.

    Args:
        rate_rps: Requests due per second.
        stall_s: How long the server answers nothing.
        requests: How many there are, the stall's included.

    Returns:
        Their latencies in seconds, in rising order; those beside the stall count as zero.
    """
    waiting = min(math.ceil(rate_rps * stall_s), requests)
    stalled = [stall_s - number / rate_rps for number in range(waiting)]
    return sorted([0.0] * (requests - waiting) + stalled)


def percentile(values: list[float], percent: float) -> float:
    """The least of the values that so many percent of them do not exceed.

    Args:
        values: In rising order; not empty.
        percent: From above 0 to 100.

    Returns:
        One of the values: HdrHistogram's definition.
    """
    return values[math.ceil(len(values) * percent / 100) - 1]
