"""A server that does next to nothing: what is measured against it is the load generator.

Run as a program it serves on a free port of 127.0.0.1, which it prints, until it is ended.
"""

from __future__ import annotations

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"

_BACKLOG = 2048


class NullProtocol(asyncio.Protocol):
    """Answers whatever ends like a request without a body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._write = transport.write  # type: ignore[attr-defined] # asyncio types it as the base of all

    def data_received(self, data: bytes) -> None:
        """Answer."""
        if data.endswith(b"\r\n\r\n"):
            self._write(ANSWER)


async def serve_for_ever() -> None:
    """Serve, and say where."""
    loop = asyncio.get_running_loop()
    async with await loop.create_server(NullProtocol, "127.0.0.1", 0, backlog=_BACKLOG) as server:
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


def main() -> None:
    """Serve on the fastest event loop there is."""
    try:
        import uvloop  # noqa: PLC0415 - an extra; asyncio's own loop does as well, only slower
    except ImportError:
        asyncio.run(serve_for_ever())
    else:
        uvloop.run(serve_for_ever())


if __name__ == "__main__":
    main()
