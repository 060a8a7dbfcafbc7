"""An upstream for the twins: it responds after the delay that the request names and does little else.

It is a raw ASGI application, so that it does not limit the services that wait for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

Message = dict[str, Any]

_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"20")],
}
_BODY = {"type": "http.response.body", "body": b'{"message":"Hello"}\n'}


async def app(
    scope: Mapping[str, Any],
    _receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Respond after as many seconds as the parameter `delay` says; the path does not matter."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])  # as servers expect of an application without a lifespan
    delay = parse_qs(scope["query_string"]).get(b"delay", [b"0"])[0]
    await asyncio.sleep(float(delay))
    await send(_START)
    await send(_BODY)
