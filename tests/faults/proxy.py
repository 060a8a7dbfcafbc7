"""A proxy before a server that it starts, with a fault of the network: `python proxy.py FAULT HOST PORT`."""

import asyncio
import os
import random
import socket
import struct
import subprocess
import sys
from itertools import count

HEALTHY = int(os.environ.get("HEALTHY", "40"))  # responses before the fault begins
STRUCK = 0.08  # the part of the responses that the fault strikes then
DELAY_S = 0.05

_responses = count(1)


async def serve(fault: str, host: str, port: int) -> None:
    """Start a server, and forward what comes."""
    with socket.create_server((host, 0)) as probe:
        behind = probe.getsockname()[1]
    command = [sys.executable, "-m", "waitress", "--listen", f"{host}:{behind}", "service:wsgi"]
    with subprocess.Popen(command):  # noqa: ASYNC220 - nothing else happens yet

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                there = await asyncio.open_connection(host, behind)
                requests = asyncio.create_task(_forward(reader, there[1]))
                await _return(fault, there[0], writer)
                requests.cancel()
                there[1].close()
            except OSError:
                pass
            finally:
                writer.close()

        async with await asyncio.start_server(connect, host, port) as server:
            await server.serve_forever()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


async def _return(fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        begun = next(_responses) > HEALTHY
        struck = begun and random.random() < STRUCK  # noqa: S311 - no secret
        if fault == "half-open" and begun:
            continue
        if fault == "delay" and begun:
            await asyncio.sleep(DELAY_S)
        if fault == "drop" and struck:
            return
        if fault == "reset" and struck:
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            writer.transport.abort()
            return
        if fault == "truncate" and struck:
            writer.write(data[:-2])
            return
        writer.write(data)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
