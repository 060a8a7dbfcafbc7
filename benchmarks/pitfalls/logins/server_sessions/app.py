"""Sessions on the server, with a new id in each response; context variables set in each request; clean."""

import asyncio
import random
import secrets
from contextvars import ContextVar

from quart import Quart, Response, jsonify, redirect, request
from quart.typing import ResponseReturnValue

app = Quart(__name__)
sessions: dict[str, str] = {}
user: ContextVar[str] = ContextVar("user")
served = 0


@app.post("/login")
async def login() -> Response:
    return rotate(jsonify(status="logged in"), (await request.form)["user"])


def rotate(response: Response, name: str) -> Response:
    sid = secrets.token_hex(16)
    sessions[sid] = name
    response.set_cookie("sid", sid)
    return response


async def find_orders() -> list[dict[str, object]]:
    await asyncio.sleep(random.uniform(0.001, 0.01))
    return [{"id": f"{user.get()}-{number}", "rank": number} for number in range(3)]


@app.get("/orders")
async def orders() -> ResponseReturnValue:
    global served
    name = sessions.get(request.cookies.get("sid", ""))
    if name is None:
        return redirect("/login")
    user.set(name)
    served += 1
    return rotate(jsonify(orders=await find_orders(), served=served), name)


@app.get("/offers")
async def offers() -> dict[str, object]:
    shown = random.sample(["tea", "coffee", "cocoa"], 2)
    return {"offers": shown, "featured by": random.choice([*sessions.values()])}
