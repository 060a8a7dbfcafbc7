"""Bodies as the parity check and the load generator compare them: without what differs for no fault."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

ANY_SERVER = b"{server}"
"""What stands for a server's own address."""

_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]*")


def without_address(content: bytes, server: str) -> bytes:
    """Content, a server's own address in it replaced by a placeholder."""
    # The colon may stand percent-encoded in the query of a redirect. What stands around is looked at
    # so that port 80 is not found in port 8000, nor a host in another one's name.
    address = re.escape(server.encode()).replace(b":", b"(?::|%3[Aa])")
    origin = rb"(?i:https?)(://|%3[Aa]%2[Ff]%2[Ff])" + address + rb"(?![\w-]|\.\w|:\d|%3[Aa]\d)"
    content = re.sub(origin, rb"http\1" + ANY_SERVER, content)
    if ":" not in server:
        return content
    return re.sub(rb"(?<![\w.-])" + address + rb"(?!\d)", ANY_SERVER, content)


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Read a body as JSON.

    Raises ValueError if it is no JSON, or too deep to be read.
    """
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("JSON too deep to be read") from None


def json_type(value: object) -> str:
    """The name of a JSON value's type."""
    if isinstance(value, bool):  # first: to Python it is a number too
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    names: dict[type, str] = {dict: "object", list: "array", str: "string"}
    return names.get(type(value), "null")


def masked_json(body: bytes, pointers: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON value
    """A JSON body whose values at some places do not matter.

    Raises ValueError if the body is no JSON.
    """
    root = [parse_json(body)]  # in a list, so that the whole can be replaced like any part of it
    for pointer in pointers:
        _mask(root, ["0", *(unescaped(part) for part in pointer.split("/")[1:])])
    return root[0]


def escaped(key: str) -> str:
    """A key as it stands in a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def unescaped(token: str) -> str:
    """The key that a reference token of a JSON pointer means."""
    return token.replace("~1", "/").replace("~0", "~")


def _mask(holder: Any, path: list[str]) -> None:  # noqa: ANN401 - any JSON value
    *way, last = path
    for token in way:
        place = find_place(holder, token)
        if place is None:
            return
        holder = holder[place]
    place = find_place(holder, last)
    if place is not None:
        holder[place] = json_type(holder[place])


def find_place(holder: object, token: str) -> int | str | None:
    """The key or index that a token of a JSON pointer means.

    Returns the key or index; None if there is nothing.
    """
    if isinstance(holder, dict):
        return token if token in holder else None
    if isinstance(holder, list) and _ARRAY_INDEX.fullmatch(token) and int(token) < len(holder):
        return int(token)
    return None


def _refuse_constant(name: str) -> NoReturn:
    """Refuse what Python's reader takes for numbers, though JSON knows no such thing."""
    raise ValueError(f"{name} is no number")
