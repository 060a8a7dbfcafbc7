"""The figures of turns: what one turn shows, and an arm's turns added up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from portcompare.loadgen.figures import Counts, PartResult, encode_latencies
from portcompare.loadgen.tallies import NOT_SENT, add_up, joined
from portcompare.loadgen.window import smooth_rate
from portcompare.records.rounds import Turn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_LEAD_S: Final = 0.1  # Of a turn in the open model: how long its queue may take to settle


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCounts:
    """What a process counted in one turn of an arm."""

    counts: Counts
    began_s: float
    closed_s: float  # Until when requests were sent whose latencies count
    spread_s: float  # Over how long they had begun
    users: int
    waiting_s: tuple[float, ...]  # Since when the requests count that were under way at the end of the wait

    @property
    def latencies_s(self) -> NDArray[np.float64]:
        """The latencies without the first of each user, which were sent together to an idle server.

        In the open model, without those of the first moments, in which the queue forms. Requests without a
        response count with the time that they waited.
        """
        tally = self.counts.tally
        found_s = np.asarray(tally.latencies_s)
        sent_s = np.asarray(tally.ended_s) - found_s
        if self.counts.pace is not None:
            found_s = found_s[sent_s > self.began_s + _LEAD_S]
        else:
            led = np.argsort(sent_s, kind="stable")[self.users :]
            led = led[sent_s[led] <= self.closed_s]
            found_s = found_s[led] if len(led) else found_s
        return np.concatenate([found_s, self.censored_s])

    @property
    def censored_s(self) -> NDArray[np.float64]:
        """How long each request had waited that had no response."""
        return self.counts.taken_at_s - np.asarray(self.waiting_s, dtype=float)

    @property
    def wait_max_s(self) -> float:
        """The longest wait for a response or a failure."""
        tally = self.counts.tally
        waits_s = joined([tally.latencies_s, *tally.failures_s.values(), self.censored_s])
        return float(waits_s.max(initial=0.0))


def summarize_turn(taken: TurnCounts, cycle: int, started_at_s: float) -> Turn:
    """The figures of one turn."""
    counts = taken.counts
    tally = counts.tally
    ended_s, failed_s = np.asarray(tally.ended_s), joined(tally.failed_s.values())
    last_s = float(np.concatenate([ended_s, failed_s]).max(initial=taken.began_s))
    # Without either the last response says how long the server was busy
    if counts.pace is not None or taken.spread_s:
        last_s = max(last_s, taken.closed_s)
    duration_s = last_s - taken.began_s
    rate_rps, offered_rps = len(ended_s) / duration_s if len(ended_s) else None, None
    if taken.spread_s:
        # The users wait most of the time: in the first and the last moments not all of them do.
        begun_s = taken.began_s + 2 * taken.spread_s
        rate_rps = smooth_rate(ended_s, begun_s, taken.closed_s, taken.spread_s) or None
    elif counts.pace is not None:
        # The time of the last response would make a server that keeps up seem slower, the slower it responds.
        settled_s = taken.began_s + _LEAD_S
        rate_rps = smooth_rate(ended_s, settled_s, taken.closed_s, 0.0) or None
        offered_rps = smooth_rate(np.asarray(counts.pace.due_s), settled_s, taken.closed_s, 0.0) or None
    latencies_s = taken.latencies_s
    return Turn(
        cycle=cycle,
        started_at_s=started_at_s,
        duration_s=duration_s,
        requests=len(ended_s),
        errors=len(failed_s),
        rate_rps=rate_rps,
        offered_rps=offered_rps,
        p50_s=float(np.median(latencies_s)) if len(latencies_s) else None,
        generator_cpu_ratio=counts.cpu_s / (counts.taken_at_s - taken.began_s),
        stall_max_s=counts.stall_s,
    )


def summarize_turns(turns: Sequence[tuple[Turn, TurnCounts]], wrong_bodies: Mapping[str, int]) -> PartResult:
    """Add up the figures of an arm's turns.

    `wrong_bodies`: those outside of these turns, by kind of failure, which count where there are none inside.
    """
    counts = [taken.counts for _, taken in turns]
    tally = add_up(tally for one in counts for tally in one.tallies)
    paces = [one.pace for one in counts if one.pace]
    duration_s = sum(turn.duration_s for turn, _ in turns)
    errors = {kind: len(failed_s) for kind, failed_s in tally.failed_s.items()}
    dropped = sum(pace.dropped for pace in paces)
    if dropped:
        errors[NOT_SENT] = dropped
    return PartResult(
        requests=sum(turn.requests for turn, _ in turns),
        rate_rps=sum((turn.rate_rps or 0.0) * turn.duration_s for turn, _ in turns) / (duration_s or 1.0),
        error_kinds={**wrong_bodies, **errors},
        censored=sum(len(taken.waiting_s) for _, taken in turns),
        wait_max_s=max((taken.wait_max_s for _, taken in turns), default=0.0),
        received_bytes=tally.received_bytes,
        reconnects=tally.reconnects,
        closed_unannounced=tally.closed_unannounced,
        histogram=encode_latencies(joined(taken.latencies_s for _, taken in turns)),
        slices=(),
        handler_s=tuple(tally.handler_s),
        lags=encode_latencies(joined(pace.lags_s for pace in paces)) if paces else None,
        dropped=dropped,
        stall_max_s=max((turn.stall_max_s for turn, _ in turns), default=0.0),
        cpu_ratio=sum(one.cpu_s for one in counts) / (duration_s or 1.0),
        wrong_examples=tally.wrong_examples,
    )
