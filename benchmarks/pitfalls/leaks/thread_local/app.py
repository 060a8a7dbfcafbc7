"""The user is kept by thread, and an event loop has one thread for all requests."""

import asyncio
import threading

from quart import Quart, request, session

app = Quart(__name__)
app.secret_key = "only for this test"

local = threading.local()


@app.post("/login")
async def login() -> dict[str, str]:
    session["user"] = (await request.form)["user"]
    return {"status": "logged in"}


@app.before_request
async def find_user() -> None:
    local.user = session.get("user")


@app.get("/account")
async def account() -> dict[str, object]:
    await asyncio.sleep(0.005)  # as a query would
    return {"account": {"owner": local.user, "currency": "EUR"}}
