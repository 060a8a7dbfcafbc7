"""A server with known latencies, which keeps its own account of every request.

`/?ms=5` answers after 5 ms, `/?ms=1,50` after 1 ms or 50 ms in turn, nine of ten after the first. `/account`
tells the times from the receipt of each request to the end of its answer by this server's clock, and begins a
new account.
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter

REQUESTS_PER_SLOW = 10


class Timed(asyncio.Protocol):
    """One connection; requests come one at a time and have no body."""

    account: list[float]

    def __init__(self, account: list[float]) -> None:
        self.account = account
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take in a request, and answer it in time."""
        received_s = perf_counter()
        self.buffer += data
        if b"\r\n\r\n" not in self.buffer:
            return
        target, self.buffer = self.buffer.split(b" ", 2)[1].decode(), b""
        if target == "/account":
            body = json.dumps(self.account).encode()
            self.account.clear()
            self.transport.write(head(body) + body)
            return
        first, *second = (float(ms) / 1e3 for ms in target.partition("ms=")[2].split(","))
        self.account.append(0.0)  # its place, so that the turns count requests received
        place = len(self.account)
        delay_s = second[0] if second and place % REQUESTS_PER_SLOW == 0 else first
        asyncio.get_running_loop().call_at(
            asyncio.get_running_loop().time() + delay_s, self.answer, received_s, place - 1
        )

    def answer(self, received_s: float, place: int) -> None:
        """Send the answer and note how long it took."""
        body = b"ok"
        self.transport.write(head(body) + body)
        if place < len(self.account):
            self.account[place] = perf_counter() - received_s


def head(body: bytes) -> bytes:
    """The head of an answer."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)


async def main(port: int) -> None:
    """Serve until killed."""
    account: list[float] = []
    server = await asyncio.get_running_loop().create_server(lambda: Timed(account), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
