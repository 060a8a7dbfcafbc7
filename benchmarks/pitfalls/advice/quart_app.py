"""A Quart app whose routes hold up the event loop, wait beside it, or return at once."""

import asyncio
import time

from quart import Quart

app = Quart(__name__)


@app.get("/blocked")
async def blocked() -> str:
    """Hold up the event loop, as a call of a database driver does."""
    time.sleep(0.02)  # noqa: ASYNC251 - the pitfall
    return "done"


@app.get("/wait")
async def wait() -> str:
    """Wait, while others go on."""
    await asyncio.sleep(0.05)
    return "done"


@app.get("/fast")
async def fast() -> str:
    """Return at once."""
    return "done"
