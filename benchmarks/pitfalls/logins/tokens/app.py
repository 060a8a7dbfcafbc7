"""Tokens instead of cookies: a cache by user, a request id, a variant by user; clean."""

import asyncio
import secrets
import time
from hashlib import sha256

from quart import Quart, abort, g, request

app = Quart(__name__)
users: dict[str, str] = {}
cache: dict[str, tuple[float, dict[str, object]]] = {}
TTL_S = 0.5


@app.post("/login")
async def login() -> dict[str, str]:
    token = secrets.token_urlsafe(24)
    users[token] = (await request.form)["user"]
    return {"token": token}


@app.before_request
async def find_user() -> None:
    if request.path != "/login":
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        g.user = users.get(token) or abort(401)


@app.get("/me")
async def me() -> dict[str, object]:
    made_s, page = cache.get(g.user, (0.0, {}))
    if time.monotonic() - made_s > TTL_S:
        await asyncio.sleep(0.01)
        variant = "blue" if sha256(g.user.encode()).digest()[0] % 2 else "green"
        page = {"user": g.user, "variant": variant, "made": time.time(), "logins": len(users)}
        cache[g.user] = time.monotonic(), page
    return {**page, "request": secrets.token_hex(8)}


@app.get("/status")
async def status() -> dict[str, object]:
    return {"status": "up", "clock": time.strftime("%H:%M:%S"), "users": len(users)}
