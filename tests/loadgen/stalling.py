"""A server that stalls once, and what the open model must find there: worked out from when requests are due.

For tests and benchmarks alike.
"""

import math
import time

from tests.loadgen.scripted import OK, Peer


class StallOnce:
    """A script for `scripted.serve`: responds at once, but for one stall."""

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self.due_s = math.inf  # It begins with the first request after this instant of `perf_counter()`
        self.began_s: float | None = None
        self.sent_s: list[float] = []

    def __call__(self, peer: Peer) -> None:
        while peer.take_request():
            if self.began_s is None and time.perf_counter() > self.due_s:
                self.began_s = time.perf_counter()
            if self.began_s is not None:
                peer.wait(max(self.began_s + self._stall_s - time.perf_counter(), 0.0))
            peer.sock.sendall(OK)
            self.sent_s.append(time.perf_counter())


def latencies_after_stall(rate_rps: float, stall_s: float, requests: int) -> list[float]:
    """The latencies of evenly spaced requests to a server that responds at once, but for one stall.

    The stall begins with the arrival of one of them: it waits for all of it, the next one for less by the
    gap between two, and so on. In rising order; those beside the stall count as zero.
    """
    waiting = min(math.ceil(rate_rps * stall_s), requests)
    stalled = [stall_s - number / rate_rps for number in range(waiting)]
    return sorted([0.0] * (requests - waiting) + stalled)


def percentile(values: list[float], percent: float) -> float:
    """The least of the values, in rising order, that so many percent of them do not exceed."""
    return values[math.ceil(len(values) * percent / 100) - 1]
