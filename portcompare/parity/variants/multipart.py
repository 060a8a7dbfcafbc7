"""Multipart bodies: parts missing or repeated, boundaries missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portcompare.parity.variants.odd import MUCH, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_NAME = re.compile(rb'\bname="([^"]*)"')


def boundary_of(media_type: str) -> bytes | None:
    """The boundary that a Content-Type names; None if it names none."""
    found = _BOUNDARY.search(media_type) if media_type.lower().startswith("multipart/") else None
    return found[1].encode("latin-1") if found else None


def multipart_variants(media_type: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    """Vary a multipart body.

    Args:
        media_type: Its Content-Type, which tells the boundary.
        body: The body.

    Yields:
        What was varied, and the body; nothing if the two do not belong together.
    """
    named = boundary_of(media_type)
    if named is None:
        return
    boundary = b"--" + named
    before, *parts, end = body.split(boundary)
    if not parts:
        return

    def joined(own: list[bytes]) -> bytes:
        return boundary.join([before, *own, end])

    for place, part in enumerate(parts):
        name = _NAME.search(part)
        shown = name[1].decode("utf-8", "backslashreplace") if name else str(place)
        others = parts[:place], parts[place + 1 :]
        yield f"part {shown} missing", joined([*others[0], *others[1]])
        yield f"part {shown} repeated", joined([*others[0], part, part, *others[1]])
        yield f"part {shown} empty", joined([*others[0], _emptied(part), *others[1]])
        yield f"part {shown} not UTF-8", joined([*others[0], _emptied(part, b"\xff"), *others[1]])
        if name:
            nameless = part.replace(name[0], b"", 1)
            yield f"part {shown} without its name", joined([*others[0], nameless, *others[1]])
    yield "multipart of much memory", joined([*parts, _added(MUCH)])
    yield "multipart without its end", boundary.join([before, *parts])
    yield "multipart without parts", joined([])


def _added(content: str) -> bytes:
    """A part that no app knows."""
    return f'\r\nContent-Disposition: form-data; name="{UNKNOWN}"\r\n\r\n{content}\r\n'.encode()


def _emptied(part: bytes, content: bytes = b"") -> bytes:
    """A part with other content."""
    head, blank_line, _ = part.partition(b"\r\n\r\n")
    return head + blank_line + content + b"\r\n"
