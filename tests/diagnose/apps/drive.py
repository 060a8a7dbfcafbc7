"""Calls a watched ASGI app as a server would, without one: `drive.py NUMBER PATH...`."""

import asyncio
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

SETTLED_S = 0.1


async def call(app: Any, path: str) -> None:  # noqa: ANN401 - an ASGI application
    sent = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return sent.pop() if sent else await asyncio.Event().wait() and {}

    async def send(_: dict[str, Any]) -> None: ...

    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": [], "http_version": "1.1", "scheme": "http", "server": ("t", 80), "asgi": {}}
    await app(scope, receive, send)


async def main(number: int, paths: list[str]) -> None:
    app = import_module("portcompare_watch").app
    for path in paths:
        await call(app, path)
    begin = Path(os.environ["PORTCOMPARE_WATCH"].replace("{pid}", "begin"))
    await asyncio.to_thread(begin.touch)
    await asyncio.sleep(SETTLED_S)
    for path in paths:
        await asyncio.gather(*(call(app, path) for _ in range(number)))
    await asyncio.to_thread(wait_until_written, time.time())


def wait_until_written(ended_s: float) -> None:
    written = Path(os.environ["PORTCOMPARE_WATCH"].replace("{pid}", str(os.getpid())))
    # What is written first may have been begun before the end.
    for _ in range(2):
        while not written.exists() or written.stat().st_mtime <= ended_s:
            time.sleep(SETTLED_S / 10)
        ended_s = written.stat().st_mtime


asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
