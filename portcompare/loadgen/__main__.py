"""The load-generator process: orders in, replies out, one JSON object a line, until the orders end."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import BinaryIO, Final

import gevent
from gevent.fileobject import FileObject

from portcompare.loadgen.distributed_runner import DistributedRunner, NoWorkerLeftError
from portcompare.loadgen.figures import merge_parts
from portcompare.loadgen.local_runner import LocalRunner
from portcompare.loadgen.turns import Turns
from portcompare.loadgen.webui.live import LiveUi
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
