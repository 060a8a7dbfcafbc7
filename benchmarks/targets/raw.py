"""A raw ASGI callable: the least that a Python server can do for a request."""

from typing import Any

BODY = b'{"message":"Hello"}\n'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401, ARG001 - ASGI
    """Respond to every request alike."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
