"""The load-generator process: orders in, replies out, one JSON object a line, until the orders end."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, BinaryIO

import gevent
from gevent.fileobject import FileObject

from portcompare.loadgen.leader import LoneCrew, NobodyCanJoinError, WorkerCrew
from portcompare.loadgen.rounds import run_round
from portcompare.loadgen.webui.live import LiveUi
from portcompare.wire.protocol import Capture, Gather, Joined, Message, Prepare, RunRound, decode, encode
from portcompare.wire.ui_protocol import OpenUi, ShowState, UiOpened

if TYPE_CHECKING:
    from collections.abc import Callable

    from portcompare.loadgen.leader import Crew


def serve_orders(orders: BinaryIO, replies: BinaryIO) -> None:
    """Carry out orders until there are no more."""

    def reply(message: Message) -> None:
        replies.write(encode(message).encode())
        replies.flush()

    crew: Crew = LoneCrew()
    ui: LiveUi | None = None
    for line in orders:
        order = decode(line)
        if isinstance(order, Gather):
            try:
                crew = workers = WorkerCrew(order)
                gevent.signal_handler(signal.SIGTERM, _dismiss_and_end, workers)
                workers.gather(reply)
            except NobodyCanJoinError as error:
                found, remedy = error.args
                reply(Joined(address=f"{order.host}:{order.port}", workers=(), problem=(found, remedy)))
        elif isinstance(order, Prepare):
            reply(crew.prepare(order))
        elif isinstance(order, Capture):
            reply(crew.capture(order))
        elif isinstance(order, OpenUi):
            ui = _open_ui(order, crew, reply)
        elif isinstance(order, ShowState) and ui is not None:
            reply(ui.exchange(order))
        elif isinstance(order, RunRound):
            reply(run_round(order, crew, reply, orders.readline if order.is_held else None))
    crew.dismiss()


def _open_ui(order: OpenUi, crew: Crew, reply: Callable[[Message], None]) -> LiveUi | None:
    """Serve the web UI over the workers that were gathered before."""
    assert isinstance(crew, WorkerCrew)  # noqa: S101 - as said
    try:
        ui = LiveUi(order, crew)
    except OSError as error:
        found = f"{order.host}:{order.port} cannot be listened on: {error.strerror}"
        reply(UiOpened(url="", problem=(found, "give a free port and an address of this machine")))
        return None
    reply(UiOpened(url=ui.url))
    return ui


def _dismiss_and_end(crew: Crew) -> None:
    """Let workers on other machines go; they would load the server for some seconds more."""
    crew.dismiss()
    sys.exit(128 + signal.SIGTERM)


def main() -> None:
    """Speak over standard input and output; what a locustfile prints goes to standard error instead."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve_orders(FileObject(sys.stdin.fileno(), "rb", closefd=False), replies)


if __name__ == "__main__":
    main()
