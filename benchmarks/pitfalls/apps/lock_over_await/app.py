"""A counter kept by another service, read and written under a lock."""

import asyncio
import os

import httpx
from quart import Quart, current_app

app = Quart(__name__)
STORE = os.environ["UPSTREAM"]
lock = asyncio.Lock()


@app.before_serving
async def connect():
    app.client = httpx.AsyncClient(base_url=STORE)


@app.after_serving
async def disconnect():
    await app.client.aclose()


async def increment():
    """Read the counter, and write it back."""
    async with lock:  # here
        response = await current_app.client.get("/counter")
        await current_app.client.get("/counter/set")
    return response.status_code


@app.get("/visit")
async def visit():
    return {"status": await increment()}


@app.get("/about")
async def about():
    return {"service": "visits"}
