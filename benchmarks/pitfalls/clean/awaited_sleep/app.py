"""A long poll."""

import asyncio

from quart import Quart

app = Quart(__name__)


@app.get("/changes")
async def changes():
    await asyncio.sleep(0.1)
    return {"changes": []}


@app.get("/health")
async def health():
    return {"status": "ok"}
