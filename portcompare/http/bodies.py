"""Bodies as parity and the load generator compare them: JSON by pointer, own addresses replaced."""

import json
import re
from typing import Any, NoReturn

ANY_SERVER = b"{server}"  # stands for a server's own address

_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]*")


def without_address(content: bytes, server: str) -> bytes:
    """Content, a server's own address in it replaced by a placeholder."""
    # The colon may be percent-encoded in the query of a redirect. The characters around are checked so that
    # port 80 is not found in port 8000, nor a host in the name of another.
    address = re.escape(server.encode()).replace(b":", b"(?::|%3[Aa])")
    origin = rb"(?i:https?)(://|%3[Aa]%2[Ff]%2[Ff])" + address + rb"(?![\w-]|\.\w|:\d|%3[Aa]\d)"
    content = re.sub(origin, rb"http\1" + ANY_SERVER, content)
    if ":" not in server:
        return content
    return re.sub(rb"(?<![\w.-])" + address + rb"(?!\d)", ANY_SERVER, content)


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse a body as JSON; a ValueError if it is none, or nested too deep to be parsed."""
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("the JSON is nested too deep") from None


def json_type(value: object) -> str:
    """The name of a JSON value's type."""
    if isinstance(value, bool):  # first: to Python it is a number too
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    names: dict[type, str] = {dict: "object", list: "array", str: "string"}
    return names.get(type(value), "null")


def masked_json(body: bytes, pointers: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON value
    """A JSON body, the values at some pointers replaced by the names of their types; as `parse_json`."""
    root = [parse_json(body)]  # in a list, so that the whole can be replaced like any part of it
    for pointer in pointers:
        holder: Any = root
        *above, last = ("0", *pointer_keys(pointer))
        for key in above:
            place = find_place(holder, key)
            holder = None if place is None else holder[place]
        place = find_place(holder, last)
        if place is not None:
            holder[place] = json_type(holder[place])
    return root[0]


def pointer_to(parent: str, key: str) -> str:
    """The JSON pointer (RFC 6901) to a member of the value at another pointer."""
    return f"{parent}/{key.replace('~', '~0').replace('/', '~1')}"


def pointer_keys(pointer: str) -> list[str]:
    """The keys and indexes that lead to the value at a JSON pointer."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def find_place(holder: object, key: str) -> int | str | None:
    """The key or index at which a JSON value holds a member; None if it has no such member."""
    if isinstance(holder, dict):
        return key if key in holder else None
    if isinstance(holder, list) and _ARRAY_INDEX.fullmatch(key) and int(key) < len(holder):
        return int(key)
    return None


def _refuse_constant(name: str) -> NoReturn:
    """Refuse the constants that Python's parser accepts and JSON does not have."""
    raise ValueError(f"{name} is not JSON")
