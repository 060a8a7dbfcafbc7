"""A server that responds at once, but for one stall, in which it does nothing at all.

    stalling.py PORT AT_REQUEST STALL_S

The stall begins with a request, counted from 0 since the last `/account`: that is how a run begins. As in a
process that waits for its disk, its locks or its collector, connections are still accepted by the system.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import Iterator

BACKLOG = 4096
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Requests:
    """The requests of a run, all connections together."""

    def __init__(self) -> None:
        self.numbers: Iterator[int] = itertools.count()

    def begin_run(self) -> None:
        """Count from 0 again."""
        self.numbers = itertools.count()


class Stalling(asyncio.Protocol):
    """One connection; requests come one at a time, whole and without a body."""

    def __init__(self, requests: Requests, at_request: int, stall_s: float) -> None:
        self.requests = requests
        self.at_request = at_request
        self.stall_s = stall_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Respond; first of all stall, if this is the request."""
        if data.startswith(b"GET /account "):
            self.requests.begin_run()
        elif next(self.requests.numbers) == self.at_request:
            time.sleep(self.stall_s)  # the whole process: that is what a stall is
        self.transport.write(ANSWER)


async def main(port: int, at_request: int, stall_s: float) -> None:
    """Serve until killed."""
    requests = Requests()
    server = await asyncio.get_running_loop().create_server(
        lambda: Stalling(requests, at_request, stall_s), "127.0.0.1", port, backlog=BACKLOG
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
