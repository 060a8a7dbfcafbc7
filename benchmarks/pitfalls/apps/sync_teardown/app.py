"""A service that writes what it did after each request."""

import os
import tempfile
import time
from pathlib import Path

from quart import Quart, g, request

app = Quart(__name__)
JOURNAL = Path(tempfile.gettempdir(), "pitfalls-journal.log")


@app.before_request
async def begin():
    g.began_s = time.monotonic()


@app.teardown_request  # here
def write(_error):  # here
    with JOURNAL.open("a") as journal:
        journal.write(f"{request.path} {time.monotonic() - g.began_s:.3f}\n")
        os.fsync(journal.fileno())
        time.sleep(0.05)  # here: until the other site has it


@app.get("/tasks/<int:number>")
async def task(number):
    return {"task": number, "done": False}
