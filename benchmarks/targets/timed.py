"""A server with known latencies, which keeps its own account of every request.

`/?ms=5` responds after 5 ms, `/?ms=1,50` after 1 ms or 50 ms in turn, nine of ten after the first. `/account`
says of each request that had a response when that was and how long it took, from its receipt to the end of
its response, in seconds of this server's clock, and begins a new account.
"""

import asyncio
import json
import sys
from time import perf_counter

REQUESTS_PER_SLOW = 10
BACKLOG = 4096


class Account:
    """What the server knows of the requests of all connections."""

    def __init__(self) -> None:
        self.received = 0
        self.responded: list[tuple[float, float]] = []

    def hand_over(self) -> bytes:
        """All that was noted, as JSON, to begin anew."""
        noted = json.dumps(self.responded).encode()
        self.received = 0
        self.responded.clear()
        return noted


class Timed(asyncio.Protocol):
    """One connection; requests come one at a time and have no body."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take in a request, and respond in time."""
        received_s = perf_counter()
        self.buffer += data
        if b"\r\n\r\n" not in self.buffer:
            return
        target, self.buffer = self.buffer.split(b" ", 2)[1].decode(), b""
        if target == "/account":
            body = self.account.hand_over()
            self.transport.write(head(body) + body)
            return
        first, *second = (float(ms) / 1e3 for ms in target.partition("ms=")[2].split(","))
        self.account.received += 1
        is_slow = bool(second) and self.account.received % REQUESTS_PER_SLOW == 0
        loop = asyncio.get_running_loop()
        loop.call_at(loop.time() + (second[0] if is_slow else first), self.respond, received_s)

    def respond(self, received_s: float) -> None:
        """Send the response and note how long it took."""
        body = b"ok"
        self.transport.write(head(body) + body)
        responded_s = perf_counter()
        self.account.responded.append((responded_s, responded_s - received_s))


def head(body: bytes) -> bytes:
    """The head of a response."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)


async def main(port: int) -> None:
    """Serve until killed."""
    account = Account()
    server = await asyncio.get_running_loop().create_server(
        lambda: Timed(account), "127.0.0.1", port, backlog=BACKLOG
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
