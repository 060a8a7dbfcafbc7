"""A page of several parts, which are loaded at once, or so it seems."""

import asyncio
import os
import urllib.request

from quart import Quart

app = Quart(__name__)
PARTS = ["news", "weather"]


async def load(part):
    """Load a part."""
    with urllib.request.urlopen(f"{os.environ['UPSTREAM']}/{part}", timeout=10) as response:  # here
        return response.read().decode()


@app.get("/front")
async def front():
    loaded = await asyncio.gather(*(load(part) for part in PARTS))
    return dict(zip(PARTS, loaded, strict=True))


@app.get("/parts")
async def parts():
    return {"parts": PARTS}
