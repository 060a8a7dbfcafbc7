"""A Flask app whose every response differs by itself: a check of it against itself must find nothing."""

import secrets
import time
from itertools import count
from random import Random

from flask import Flask, Response, make_response

app = Flask(__name__)
chance = Random()  # noqa: S311 - no secret
visits = count()


@app.get("/clock")
def clock() -> dict[str, object]:
    """A clock and a counter beside what stays."""
    return {"now": time.time(), "visit": next(visits), "name": "restless", "day": time.strftime("%c")}


@app.get("/list")
def listed() -> dict[str, object]:
    """An array of random length."""
    items = [{"id": number, "price": chance.random()} for number in range(chance.randrange(1, 9))]
    return {"items": items, "total": len(items)}


@app.get("/bytes")
def random_bytes() -> Response:
    """A body of random bytes and length."""
    return Response(secrets.token_bytes(chance.randrange(10, 900)), content_type="application/octet-stream")


@app.get("/page")
def page() -> Response:
    """A form with a token, a nonce, and rows of a random number."""
    token, nonce = secrets.token_hex(16), secrets.token_urlsafe(8)
    rows = "".join(f"<li>{chance.random()}</li>" for _ in range(chance.randrange(2, 6)))
    response = make_response(
        f"<!doctype html><title>Shop</title><script nonce={nonce}>var t = '{token}';</script>"
        f"<form><input type=hidden name=csrf value={token}><ul>{rows}</ul></form><p>Welcome</p>"
    )
    response.set_cookie("session", token)
    response.headers["X-Request-Id"] = secrets.token_hex(8)
    return response
