"""An API whose keys are checked before each request."""

import hashlib
from functools import wraps

from quart import Quart, abort, g, request

app = Quart(__name__)
KEYS = {hashlib.pbkdf2_hmac("sha256", b"key-of-ann", b"salt", 60_000): "ann"}


@app.before_request
async def identify():
    key = request.headers.get("X-Api-Key", "key-of-ann")
    digest = hashlib.pbkdf2_hmac("sha256", key.encode(), b"salt", 60_000)  # here
    g.user = KEYS.get(digest)


def known_user(view):
    """Refuse those that are not known."""

    @wraps(view)
    async def checked(**arguments):
        if g.user is None:
            abort(401)
        return await view(**arguments)

    return checked


@app.get("/me")
@known_user
async def me():
    return {"user": g.user}


@app.get("/items/<int:number>")
@known_user
async def item(number):
    return {"item": number}
