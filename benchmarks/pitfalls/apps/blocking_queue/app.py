"""Jobs that a thread works on; a response waits for its result."""

import queue
import threading
import time

from quart import Quart

app = Quart(__name__)
jobs = queue.Queue()


def work():
    """Work on the jobs."""
    while True:
        number, results = jobs.get()
        time.sleep(0.03)
        results.put(number * number)


@app.before_serving
async def begin():
    threading.Thread(target=work, daemon=True).start()


@app.get("/square/<int:number>")
async def square(number):
    results = queue.Queue(maxsize=1)
    jobs.put((number, results))
    return {"square": results.get(timeout=10)}  # here


@app.get("/queue")
async def length():
    return {"waiting": jobs.qsize()}
