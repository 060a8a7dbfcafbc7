"""The load-generator process: orders in, replies out, one JSON object a line, until the orders end."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, BinaryIO

from gevent.fileobject import FileObject

from portcompare.loadgen.rounds import run_round
from portcompare.loadgen.scenarios import prepare
from portcompare.protocol import Message, Prepare, RunRound, decode, encode

if TYPE_CHECKING:
    from portcompare.loadgen.user import LeanUser


def serve_orders(orders: BinaryIO, replies: BinaryIO) -> None:
    """Carry out orders until there are no more.

    Args:
        orders: Where they come from.
        replies: Where the replies go.
    """

    def reply(message: Message) -> None:
        replies.write(encode(message).encode())
        replies.flush()

    users: dict[str, type[LeanUser]] = {}
    for line in orders:
        order = decode(line)
        if isinstance(order, Prepare):
            users, prepared = prepare(order)
            reply(prepared)
        elif isinstance(order, RunRound):
            reply(run_round(order, users[order.scenario], reply))


def main() -> None:
    """Speak over standard input and output; what a locustfile prints goes to standard error instead."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve_orders(FileObject(sys.stdin.fileno(), "rb", closefd=False), replies)


if __name__ == "__main__":
    main()
