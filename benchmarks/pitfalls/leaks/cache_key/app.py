"""A cache finds responses by their path, whoever sends the request."""

import asyncio

from quart import Quart, request, session

app = Quart(__name__)
app.secret_key = "only for this test"

cache: dict[str, dict[str, object]] = {}


@app.post("/login")
async def login() -> dict[str, str]:
    session["user"] = (await request.form)["user"]
    return {"status": "logged in"}


@app.get("/dashboard")
async def dashboard() -> dict[str, object]:
    if request.path not in cache:
        await asyncio.sleep(0.02)  # as a slow query would
        cache[request.path] = {"title": f"Dashboard of {session['user']}", "widgets": 3}
    return cache[request.path]
