"""An app with something wrong in most routes; the lines are named by their comments."""

import asyncio
import copy
import logging
import os
import queue
import re
import select
import socket
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from functools import partial
from pathlib import Path

import aiosqlite
import anyio
from quart import Quart, Response, request
from quart.views import MethodView

app = Quart(__name__)
LOG = logging.getLogger(__name__)
LOCK, WAITED, SLOTS = asyncio.Lock(), asyncio.Lock(), asyncio.Semaphore(1)
POOL: "list[asyncio.Queue[int]]" = []
JOBS: "queue.Queue[int]" = queue.Queue()
ONE_THREAD = ThreadPoolExecutor(1)
SEATS, NEWS = asyncio.Condition(), asyncio.Condition()
FREE, NESTED = [1], ["text"] * 50_000
for _ in range(50):
    NESTED = [NESTED]


def wait() -> None:
    time.sleep(0.05)  # sleep


@app.get("/sleep/<int:number>")
async def sleep(number: int) -> str:
    wait()
    return str(number)


@app.get("/regex")
async def regex() -> str:
    re.match(r"(a+)+$", "a" * 21 + "b")  # regex
    return ""


def score(word: str, number: int) -> int:
    return sum(map(ord, word)) * number  # loop


@app.get("/compute")
async def compute() -> str:
    words = sorted(range(9_000), key=lambda number: score("some word that is long enough" * 10, number))
    return str(words[0])


@app.get("/file")
async def file() -> str:
    with open(__file__) as opened:  # file # noqa: ASYNC230, PTH123 - what is looked for
        return opened.readline()


@app.get("/database")
async def database() -> str:
    return str(sqlite3.connect(":memory:").total_changes)  # database


@app.get("/process")
async def process() -> str:
    return subprocess.run(["sleep", "0.05"], capture_output=True, text=True, check=False).stdout  # process # noqa: ASYNC221


@app.get("/returned")
async def returned() -> dict[str, list[str]]:
    return {"rows": ["some text that is serialised when the view has returned"] * 400_000}  # returned


class Rows(MethodView):
    async def get(self) -> dict[str, list[str]]:
        return {"rows": ["as of a view that is a function"] * 400_000}  # class


app.add_url_rule("/class", view_func=Rows.as_view("rows"))


@app.get("/nested")
async def nested() -> str:
    return str(len(copy.deepcopy(NESTED)))  # nested


class Store:
    def save(self) -> int:
        return sum(range(3_000_000))  # same name


@app.get("/same-name")
async def save() -> str:
    saved = Store().save()
    return str(saved)


@app.get("/system")
async def system() -> str:
    return str(os.system("sleep 0.03"))  # system # noqa: ASYNC221, S605 - what is looked for


PROGRAM = subprocess.Popen(
    ["sh", "-c", "while read word; do sleep 0.03; echo $word; done"],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
)


@app.get("/pipe")
async def pipe() -> bytes:
    assert PROGRAM.stdin
    assert PROGRAM.stdout
    PROGRAM.stdin.write(b"word\n")
    PROGRAM.stdin.flush()
    return PROGRAM.stdout.readline()  # pipe


def rebuild() -> None:
    sorted(range(9_000), key=lambda number: sum(map(ord, "text" * 70)) + number)  # callback


@app.get("/callback")
async def callback() -> str:
    asyncio.get_running_loop().call_soon(rebuild)
    await asyncio.sleep(0)
    return ""


@app.get("/start")
async def start() -> str:
    # The loop waits until the new process has slept.
    process = await asyncio.create_subprocess_exec("true", preexec_fn=partial(time.sleep, 0.03))
    return str(await process.wait())


@app.get("/yields")
async def yields() -> str:
    for _ in range(300):
        await asyncio.create_task(anyio.Lock().acquire())
    return ""


@app.before_serving
async def read_settings() -> None:
    Path(__file__).open().close()  # noqa: ASYNC230 - the first that is noted


@app.before_request
async def compute_before() -> None:
    if request.path == "/before":
        7**400_000  # noqa: B018 - it takes its time, and lets nothing else run


@app.get("/before")
async def before() -> str:
    return ""


@app.get("/gather")
async def gather() -> str:
    async def one() -> None:
        time.sleep(0.05)  # gather # noqa: ASYNC251 - what is looked for

    await asyncio.gather(one(), one())
    return ""


@app.get("/queue")
async def queued() -> str:
    try:
        JOBS.get(timeout=0.05)  # queue
    except queue.Empty:
        return "empty"
    return "full"


@app.get("/lock")
async def lock() -> str:
    async with LOCK:  # lock
        await asyncio.sleep(0.02)  # held
    return ""


@app.get("/wait-for")
async def wait_for() -> str:
    await asyncio.wait_for(WAITED.acquire(), 5)  # awaited
    try:
        await asyncio.sleep(0.02)
    finally:
        WAITED.release()
    return ""


@app.get("/semaphore")
async def semaphore() -> str:
    async with SLOTS:  # semaphore
        await asyncio.sleep(0.02)
    return ""


@asynccontextmanager
async def connection() -> AsyncIterator[int]:
    if not POOL:
        POOL.append(asyncio.Queue())
        POOL[0].put_nowait(1)
    taken = await POOL[0].get()  # pool
    yield taken
    POOL[0].put_nowait(taken)


@app.get("/pool")
async def pool() -> str:
    async with connection():
        await asyncio.sleep(0.02)
    return ""


@app.get("/condition")
async def condition() -> str:
    async with SEATS:
        await SEATS.wait_for(lambda: FREE)  # condition
        FREE.pop()
    await asyncio.sleep(0.02)
    async with SEATS:
        FREE.append(1)
        SEATS.notify()
    return ""


def work() -> str:
    time.sleep(0.1)  # inside
    return ""


@app.get("/to-thread")
async def to_thread() -> str:
    return await asyncio.to_thread(work)  # submitted


@app.get("/one-thread")
async def one_thread() -> str:
    await asyncio.to_thread(str)
    return await asyncio.get_running_loop().run_in_executor(ONE_THREAD, work)  # one thread


@app.get("/background")
async def background() -> str:
    Context().run(asyncio.get_running_loop().run_in_executor, None, work)  # as of no request
    return await asyncio.to_thread(str)  # background


@app.get("/thread")
def thread() -> str:  # thread
    return work()


@app.get("/stream")
async def stream() -> Response:
    def lines():  # type: ignore[no-untyped-def] # noqa: ANN202 - stream
        for number in range(30):
            yield f"{number}\n"

    return Response(lines())


@app.get("/unawaited")
async def unawaited() -> str:
    asyncio.sleep(0)  # unawaited
    return ""


@app.get("/dropped")
async def dropped() -> str:
    aiosqlite.connect(":memory:").execute("SELECT 1")  # dropped
    return ""


@app.get("/clean")
async def clean() -> str:
    asyncio.get_running_loop().call_later(0.1, lambda: asyncio.create_task(publish()))
    async with NEWS:
        await NEWS.wait()
    with suppress(OSError), socket.socket() as connecting:
        connecting.settimeout(0)
        connecting.connect(("127.0.0.1", 1))
    await asyncio.sleep(0.01)
    events: asyncio.Queue[int] = asyncio.Queue()
    for _ in range(3):
        asyncio.get_running_loop().call_later(0.15, events.put_nowait, 1)
    await asyncio.gather(*(events.get() for _ in range(3)))
    for number in range(50):
        LOG.warning("line %d", number)
    one, other = socket.socketpair()
    readable, _, _ = select.select([one], [], [], 0)
    one.close()
    other.close()
    text = await asyncio.to_thread(Path(__file__).read_text)
    return text[: len(request.args) + len(readable)]


async def publish() -> None:
    async with NEWS:
        NEWS.notify_all()


def make() -> Quart:
    return app
