"""The load-generator process: orders in, replies out, one JSON object a line, until the orders end."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

import gevent
from gevent.fileobject import FileObject

from portcompare.loadgen.distributed_runner import DistributedRunner, NoWorkerLeftError
from portcompare.loadgen.figures import count_wrong_bodies, merge_parts
from portcompare.loadgen.local_runner import LocalRunner, Part
from portcompare.loadgen.tallies import add_up
from portcompare.loadgen.turn_figures import TurnCounts, summarize_turn, summarize_turns
from portcompare.loadgen.webui.live import LiveUi
from portcompare.records.rounds import Turn
from portcompare.wire import protocol as wire

Runner = LocalRunner | DistributedRunner

_NOTICE_S: Final = 0.005  # A window is announced so long before it opens, so that all processes can be ready


def serve_orders(orders: BinaryIO, replies: BinaryIO) -> None:
    """Carry out orders until there are no more."""

    def reply(message: wire.Message) -> None:
        replies.write(wire.encode(message).encode())
        replies.flush()

    runner: Runner = (local := LocalRunner())
    turns = Turns(local.start_part)  # workers on other machines take none
    ui: LiveUi | None = None
    prepared: wire.Prepare | None = None
    for line in orders:
        order = wire.decode(line)
        match order:
            case wire.Gather():
                runner = _gather(order, prepared, reply) or runner
            case wire.Prepare():
                prepared = order
                reply(runner.prepare(order))
            case wire.Capture():
                reply(runner.capture(order))
            case wire.OpenUi():
                ui = _open_ui(order, runner, reply)
            case wire.ShowState() if ui is not None:
                reply(ui.exchange(order))
            case wire.RunRound():
                reply(run_round(order, runner, reply, orders.readline))
            case wire.JoinTurns() | wire.TakeTurn() | wire.EndTurns():
                reply(turns.carry_out(order))
    runner.close()


def _gather(
    order: wire.Gather, prepared: wire.Prepare | None, reply: Callable[[wire.Message], None]
) -> DistributedRunner | None:
    try:
        runner = DistributedRunner(order, prepared, reply)
        gevent.signal_handler(signal.SIGTERM, _close_and_end, runner)
        runner.gather()
    except OSError:
        reply(wire.Joined(address="", workers=(), problem=_cannot_listen(order)))
        return None
    return runner


def _open_ui(order: wire.OpenUi, runner: Runner, reply: Callable[[wire.Message], None]) -> LiveUi | None:
    """Serve the web UI over the workers that were gathered before."""
    assert isinstance(runner, DistributedRunner)  # noqa: S101 - as said
    try:
        ui = LiveUi(order, runner)
    except OSError as error:
        reply(wire.UiOpened(url="", problem=_cannot_listen(order, f": {error.strerror}")))
        return None
    reply(wire.UiOpened(url=ui.url))
    return ui


def _cannot_listen(order: wire.Gather | wire.OpenUi, why: str = "") -> tuple[str, str]:
    found = f"{order.host}:{order.port} cannot be listened on{why}"
    return found, "give a free port and an address of this machine"


def _close_and_end(runner: Runner) -> None:
    """End the workers on other machines; they would load the server for some seconds more."""
    runner.close()
    sys.exit(128 + signal.SIGTERM)


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


def run_round(
    order: wire.RunRound,
    runner: Runner,
    announce: Callable[[wire.WindowOpens], None],
    await_close: Callable[[], object],
) -> wire.RoundDone | wire.GaveUp:
    """Load one server at one level: a warm-up, a window that opens in all processes at once, and the result.

    `await_close`: waits until a window that is held is to be closed.
    """
    began_s = time.perf_counter()
    try:
        warm = runner.warm_up(order)
        start_s = time.perf_counter() + _NOTICE_S
        started_at_s = time.time() + _NOTICE_S
        announce(wire.WindowOpens(start_s=start_s, end_s=start_s + order.window_s))

        def close() -> float:
            """Close the window when that is ordered; its length is the same for all processes."""
            await_close()
            window_s = min(time.perf_counter() + _NOTICE_S - start_s, order.window_s)
            runner.close_window(window_s)
            return window_s

        closing = gevent.spawn(close) if order.is_held else None
        parts, lost = runner.measure(start_s - time.perf_counter())
        # `is None`: a greenlet that has ended is false.
        window_s = order.window_s if closing is None else closing.get()
    except NoWorkerLeftError as error:
        return wire.GaveUp(reason=str(error))
    finally:
        ended = runner.end_round()
    return merge_parts(
        parts,
        started_at_s=started_at_s,
        window_s=window_s,
        warmup_s=start_s - began_s,
        steady=warm.steady,
        failure=warm.failure or ended,
        lost=lost,
    )


def main() -> None:
    """Exchange messages over standard input and output; what a locustfile prints goes to standard error."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve_orders(FileObject(sys.stdin.fileno(), "rb", closefd=False), replies)


if __name__ == "__main__":
    main()
