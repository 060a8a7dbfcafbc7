"""A service that takes a while to start."""

import time
from pathlib import Path

from quart import Quart

app = Quart(__name__)
SOURCE = Path(__file__).read_text(encoding="utf-8")
time.sleep(0.3)  # as an import of a large library


@app.before_serving
async def warm_up():
    app.table = [number * number for number in range(500_000)]


@app.get("/square/<int:number>")
async def square(number):
    return {"square": app.table[number], "source": len(SOURCE)}
