"""A server that does next to nothing: what is measured against it is the load generator.

Run as a program it serves on a free port of 127.0.0.1, which it prints, until it is ended.
"""

import asyncio
import sys

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"

_BACKLOG = 2048


class NullProtocol(asyncio.Protocol):
    """Sends the same response to whatever ends like a request without a body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._write = transport.write  # type: ignore[attr-defined] # asyncio types it as the base of all

    def data_received(self, data: bytes) -> None:
        """Respond once the request is complete."""
        if data.endswith(b"\r\n\r\n"):
            self._write(RESPONSE)


async def serve_forever() -> None:
    """Serve, and print the port."""
    loop = asyncio.get_running_loop()
    async with await loop.create_server(NullProtocol, "127.0.0.1", 0, backlog=_BACKLOG) as server:
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    try:
        import uvloop  # an extra; asyncio's own loop is only slower
    except ImportError:
        asyncio.run(serve_forever())
    else:
        uvloop.run(serve_forever())
