"""Sessions in cookies: a counter, a token for forms, who was here last, and all users; clean."""

import asyncio
import secrets

from quart import Quart, redirect, render_template_string, request, session
from quart.typing import ResponseReturnValue

app = Quart(__name__)
app.secret_key = "only for this test"
names: set[str] = set()
last_visitor = "nobody"
PAGE = """<p>Hello {{ user }}, visit {{ visits }}; last visitor: {{ last }}</p>
<input type="hidden" name="csrf" value="{{ csrf }}"><img nonce="{{ nonce }}">"""


@app.post("/login")
async def login() -> ResponseReturnValue:
    session["user"] = (await request.form)["user"]
    session["csrf"] = secrets.token_hex(16)
    names.add(session["user"])
    return redirect("/")


@app.get("/home")
async def home() -> ResponseReturnValue:
    global last_visitor
    if "user" not in session:
        return redirect("/login")
    user, last, last_visitor = session["user"], last_visitor, session["user"]
    session["visits"] = session.get("visits", 0) + 1
    await asyncio.sleep(0.005)
    return await render_template_string(
        PAGE, user=user, visits=session["visits"], last=last, csrf=session["csrf"], nonce=secrets.token_hex(8)
    )


@app.get("/last")
async def show_last() -> dict[str, str]:
    return {"last": last_visitor}


@app.get("/users")
async def list_users() -> dict[str, list[str]]:
    return {"users": sorted(names)}
