"""A gateway to another service."""

import os

import httpx
from quart import Quart

app = Quart(__name__)


@app.before_serving
async def connect():
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    app.client = httpx.AsyncClient(base_url=os.environ["UPSTREAM"], limits=limits)


@app.after_serving
async def disconnect():
    await app.client.aclose()


@app.get("/rates")
async def rates():
    response = await app.client.get("/rates")
    return {"status": response.status_code}
