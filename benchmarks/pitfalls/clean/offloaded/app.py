"""A library that blocks, on threads enough."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from quart import Quart
from quart.utils import run_sync

app = Quart(__name__)


@app.before_serving
async def prepare():
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(64))


def render(number):
    """Render an invoice, as a library does that was written for threads."""
    time.sleep(0.1)
    return f"<h1>Invoice {number}</h1>"


@app.get("/invoices/<int:number>")
async def invoice(number):
    return await run_sync(render)(number)
