"""A counter under a lock that is held for a moment."""

import asyncio

from quart import Quart

app = Quart(__name__)
lock = asyncio.Lock()
counts = {"visits": 0}


@app.get("/visit")
async def visit():
    async with lock:
        counts["visits"] += 1
        visits = counts["visits"]
    await asyncio.sleep(0.01)
    return {"counted": visits > 0}
