"""Turns: the users of all arms stay connected, and those of one arm at a time send requests."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from portcompare.loadgen.figures import count_wrong_bodies, merge_parts
from portcompare.loadgen.local_runner import Part
from portcompare.loadgen.tallies import add_up
from portcompare.loadgen.turn_figures import TurnCounts, summarize_turn, summarize_turns
from portcompare.records.rounds import Turn
from portcompare.wire import protocol as wire


@dataclass(slots=True, kw_only=True)
class _Arm:
    """An arm whose users take turns."""

    part: Part
    failure: str | None = None  # Why it takes no more turns
    taken: list[tuple[Turn, TurnCounts]] = field(default_factory=list)


class Turns:
    """The arms of one level, until they are ended."""

    def __init__(self, start_part: Callable[[wire.RunRound], Part]) -> None:
        self._start_part = start_part
        self._arms: dict[str, _Arm] = {}
        self._joined_s = 0.0  # How long it took until all users were ready

    def carry_out(self, order: wire.JoinTurns | wire.TakeTurn | wire.EndTurns) -> wire.Reply:
        """Carry out an order."""
        match order:
            case wire.JoinTurns():
                return self._join(order)
            case wire.TakeTurn():
                return self._take(order)
            case wire.EndTurns():
                return self._end(order)

    def _join(self, order: wire.JoinTurns) -> wire.TurnsJoined:
        began_s = time.perf_counter()
        self._arms = {name: _Arm(part=self._start_part(one)) for name, one in order.rounds.items()}
        for arm in self._arms.values():
            arm.failure = arm.part.join_turns()
        self._joined_s = time.perf_counter() - began_s
        return wire.TurnsJoined(
            failures={name: arm.failure for name, arm in self._arms.items() if arm.failure is not None}
        )

    def _take(self, order: wire.TakeTurn) -> wire.TurnTaken:
        arm = self._arms[order.arm]
        started_at_s = time.time()
        taken = arm.part.take_turn(order.turn_s, order.spread_s)
        turn = summarize_turn(taken, order.cycle, started_at_s)
        arm.taken.append((turn, taken))
        if taken.waiting_s:
            waited_s = taken.counts.taken_at_s - taken.closed_s
            arm.failure = f"a user still had no response {waited_s:.1f} s after its turn"
        arm.failure = arm.failure or arm.part.user_error
        tally = taken.counts.tally
        return wire.TurnTaken(
            turn=turn,
            reconnects=tally.reconnects,
            closed_unannounced=tally.closed_unannounced,
            failure=arm.failure,
        )

    def _end(self, order: wire.EndTurns) -> wire.TurnsEnded:
        arms, self._arms = self._arms, {}
        ended = {name: arm.part.end() for name, arm in arms.items()}
        rounds = {}
        for name, arm in arms.items():
            cycles = set(order.counting.get(name, ()))
            counting = [one for one in arm.taken if one[0].cycle in cycles]
            others = add_up(taken.counts.tally for turn, taken in arm.taken if turn.cycle not in cycles)
            # The first response of a connection is always checked, and those in between only now and then.
            part = summarize_turns(
                counting, count_wrong_bodies(arm.part.before_turns) + count_wrong_bodies(others)
            )
            examples = arm.part.before_turns.wrong_examples | others.wrong_examples | part.wrong_examples
            rounds[name] = merge_parts(
                {f"{socket.gethostname()}/1": replace(part, wrong_examples=examples)},
                started_at_s=counting[0][0].started_at_s if counting else time.time(),
                window_s=sum(turn.duration_s for turn, _ in counting),
                scheduled_s=sum(taken.closed_s - taken.began_s for _, taken in counting),
                warmup_s=self._joined_s,
                steady=True,
                failure=arm.failure or ended[name],
            )
        return wire.TurnsEnded(rounds=rounds)
