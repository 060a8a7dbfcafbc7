"""One client for all users keeps the cookies that the upstream sets, and sends them for the next user."""

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
client = httpx.AsyncClient(transport=TRANSPORT, base_url="http://upstream")


@app.post("/login")
async def login() -> dict[str, str]:
    session["user"] = (await request.form)["user"]
    await client.post(f"/login/{session['user']}")
    return {"status": "logged in"}


@app.get("/balance")
async def balance() -> dict[str, object]:
    session["user"]  # only for those who have logged in
    found: dict[str, object] = (await client.get("/balance")).json()
    return found
