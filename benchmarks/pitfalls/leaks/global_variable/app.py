"""The user of the request is a global variable, which the next request sets before this one reads it."""

import asyncio

from quart import Quart, request, session

app = Quart(__name__)
app.secret_key = "only for this test"

current_user = ""


@app.post("/login")
async def login() -> dict[str, str]:
    session["user"] = (await request.form)["user"]
    return {"status": "logged in"}


@app.before_request
async def find_user() -> None:
    global current_user
    current_user = session.get("user", "")


@app.get("/me")
async def me() -> dict[str, str]:
    await asyncio.sleep(0.005)  # as a query would
    return {"user": current_user}
