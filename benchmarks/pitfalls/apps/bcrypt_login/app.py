"""Logins by password."""

import bcrypt
from quart import Quart, abort, request

app = Quart(__name__)
USERS = {"ann": bcrypt.hashpw(b"correct horse", bcrypt.gensalt(rounds=9))}


async def is_allowed(name, password):
    """Whether a password is the user's."""
    known = USERS.get(name)
    return known is not None and bcrypt.checkpw(password.encode(), known)  # here


@app.post("/login")
async def login():
    form = await request.form
    if not await is_allowed(form["name"], form["password"]):
        abort(401)
    return {"user": form["name"]}


@app.get("/login")
async def page():
    return "<form method=post><input name=name><input name=password></form>"
