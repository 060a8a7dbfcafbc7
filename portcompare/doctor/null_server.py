"""A server that does next to nothing: what is measured against it is the load generator.

Run as a program it serves on a free port of 127.0.0.1, which it prints, until it is ended.
"""

import asyncio
import sys

_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class _NullProtocol(asyncio.Protocol):
    """Sends the same response to whatever ends like a request without a body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = transport.write  # type: ignore[attr-defined] # asyncio types it as the base of all

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self._write(_RESPONSE)


async def _serve_forever() -> None:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(_NullProtocol, "127.0.0.1", 0, backlog=2048) as server:
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    try:
        import uvloop  # an extra; asyncio's own loop is only slower
    except ImportError:
        asyncio.run(_serve_forever())
    else:
        uvloop.run(_serve_forever())
