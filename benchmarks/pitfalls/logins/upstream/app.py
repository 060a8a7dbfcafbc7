"""A client of its own for each user, and visitors of late shown to all; clean."""

import asyncio
from collections import deque

import httpx
from quart import Quart, jsonify, request, session
from quart.typing import ResponseReturnValue

upstream = Quart("upstream")


@upstream.post("/login/<user>")
async def log_in_upstream(user: str) -> ResponseReturnValue:
    response = jsonify(status="logged in")
    response.set_cookie("account", user)
    return response


@upstream.get("/balance")
async def get_balance() -> dict[str, object]:
    return {"owner": request.cookies["account"], "balance": 100}


TRANSPORT = httpx.ASGITransport(upstream)  # type: ignore[arg-type] # of types that mean the same

app = Quart(__name__)
app.secret_key = "only for this test"
visitors: deque[str] = deque(maxlen=3)


@app.post("/login")
async def login() -> dict[str, str]:
    session["user"] = (await request.form)["user"]
    async with httpx.AsyncClient(transport=TRANSPORT, base_url="http://up") as client:
        session["account"] = (await client.post(f"/login/{session['user']}")).cookies["account"]
    return {"status": "logged in", "user": session["user"]}


@app.get("/balance")
async def balance() -> dict[str, object]:
    cookies = {"account": session["account"]}
    async with httpx.AsyncClient(transport=TRANSPORT, base_url="http://up", cookies=cookies) as client:
        found: dict[str, object] = (await client.get("/balance")).json()
    return found


@app.get("/visitors")
async def recent_visitors() -> dict[str, list[str]]:
    await asyncio.sleep(0.002)
    visitors.append(session["user"])
    return {"visitors": list(visitors)}
