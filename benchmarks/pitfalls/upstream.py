"""What some of the apps depend on: a service that takes its time, on a thread of the benchmark."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread

DELAY_S = 0.03
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Respond to each request of a connection after the delay; what a body holds is not looked at."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            _, found, length = head.lower().partition(b"content-length:")
            await reader.readexactly(int(length.split(b"\r\n")[0]) if found else 0)
            await asyncio.sleep(DELAY_S)
            writer.write(RESPONSE)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve(started: "Future[tuple[str, Callable[[], object]]]") -> None:
    """Serve until the function is called that is given back with the address."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    async with await asyncio.start_server(respond, "127.0.0.1", 0, backlog=1024) as server:
        port = server.sockets[0].getsockname()[1]
        started.set_result((f"http://127.0.0.1:{port}", lambda: loop.call_soon_threadsafe(stopped.set)))
        await stopped.wait()


@contextmanager
def upstream() -> Iterator[str]:
    """Serve it; yields its address."""
    started: Future[tuple[str, Callable[[], object]]] = Future()
    thread = Thread(target=lambda: asyncio.run(serve(started)))
    thread.start()
    address, stop = started.result(10)
    try:
        yield address
    finally:
        stop()
        thread.join()
