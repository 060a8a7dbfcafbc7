"""Calls a watched ASGI app as a server would, without one: `drive.py NUMBER PATH...`."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

LOOK_S = 0.01


async def call(app: Any, path: str) -> None:  # noqa: ANN401 - an ASGI application
    sent = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return sent.pop() if sent else await asyncio.Event().wait() and {}

    async def send(_: dict[str, Any]) -> None: ...

    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
    }
    scope |= {"headers": [], "http_version": "1.1", "scheme": "http", "server": ("t", 80), "asgi": {}}
    await app(scope, receive, send)


async def start(app: Any) -> asyncio.Task[None]:  # noqa: ANN401 - as above
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    events.put_nowait({"type": "lifespan.startup"})
    task = asyncio.create_task(app({"type": "lifespan", "asgi": {}}, events.get, sent.put))
    started = await sent.get()
    assert started["type"] == "lifespan.startup.complete", started
    return task


async def main(number: int, paths: list[str]) -> None:
    app = import_module("portcompare_watch").app
    serving = await start(app)
    for path in paths:
        await call(app, path)
    await asyncio.to_thread(forget)
    for path in paths:
        await asyncio.gather(*(call(app, path) for _ in range(number)))
    await asyncio.to_thread(wait_until_written, time.time())
    serving.cancel()


def written() -> Path:
    return Path(os.environ["PORTCOMPARE_WATCH"].replace("{pid}", str(os.getpid())))


def forget() -> None:
    Path(os.environ["PORTCOMPARE_WATCH"].replace("{pid}", "begin")).touch()
    began_s = time.time()
    wait_until(lambda: written().exists() and written().stat().st_mtime > began_s)
    wait_until(lambda: not json.loads(written().read_text(encoding="utf-8"))["routes"])


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(LOOK_S)


def wait_until_written(ended_s: float) -> None:
    # What is written first may have been begun before the end.
    for _ in range(2):
        wait_until(lambda: written().stat().st_mtime > ended_s)  # noqa: B023 - it is called at once
        ended_s = written().stat().st_mtime


asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
