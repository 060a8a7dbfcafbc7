"""Pages for those who are logged in."""

import hashlib
import hmac

from quart import Quart, abort, request, session

app = Quart(__name__)
app.secret_key = "of this example alone"
USERS = {"ann": hashlib.sha256(b"correct horse").digest()}


@app.post("/login")
async def login():
    form = await request.form
    digest = hashlib.sha256(form["password"].encode()).digest()
    if not hmac.compare_digest(digest, USERS.get(form["name"], b"")):
        abort(401)
    session["user"] = form["name"]
    return {"user": session["user"]}


@app.get("/me")
async def me():
    if "user" not in session:
        abort(401)
    return {"user": session["user"]}
