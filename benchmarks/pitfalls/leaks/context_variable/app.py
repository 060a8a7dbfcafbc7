"""A context variable is set once, outside of any request: all requests share the object in it."""

import asyncio
from contextvars import ContextVar

from quart import Quart, request, session

app = Quart(__name__)
app.secret_key = "only for this test"

context: ContextVar[dict[str, str]] = ContextVar("context")
context.set({})


@app.post("/login")
async def login() -> dict[str, str]:
    session["user"] = (await request.form)["user"]
    return {"status": "logged in"}


@app.before_request
async def find_user() -> None:
    context.get()["user"] = session.get("user", "")


@app.get("/profile")
async def profile() -> str:
    await asyncio.sleep(0.005)  # as a query would
    return f"<p>Welcome back, {context.get()['user']}</p>"
