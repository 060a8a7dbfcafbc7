"""A path and its segments: what is no number, no UTF-8, another path in other words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.parity.variants.odd import LONG, odd_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.model import RequestSpec

# What stands for a thing and not for a kind of things: a number, a UUID or another long run of hexadecimal
# digits, a placeholder that a login fills.
_ID = re.compile(r"\d+|(?=.*\d)[0-9a-fA-F-]{8,}|\{[^}]*\}|%7B.*%7D")


def shape_of(path: str) -> str:
    """A path without the values in it, by which requests of one route are known.

    Args:
        path: The path, percent-encoded.

    Returns:
        The path with an asterisk for each segment that is a number or another identifier.
    """
    return "/".join("*" if _ID.fullmatch(segment) else segment for segment in path.split("/"))


def path_variants(request: RequestSpec) -> Iterator[tuple[str, RequestSpec]]:
    """A request with another path.

    Args:
        request: The request.

    Yields:
        What was varied, and the request: each segment that is an identifier with odd values in its place, the
        last one that is a word in other notations, the path with and without a slash at its end.
    """
    path, mark, query = request.target.partition("?")
    for what, varied in (*_slashes(path), *_ids(path), *_words(path)):
        yield what, replace(request, target=varied + mark + query)


def _slashes(path: str) -> Iterator[tuple[str, str]]:
    if path == "/":
        return
    if path.endswith("/"):
        yield "slash at the end removed", path.rstrip("/")
    else:
        yield "slash at the end", f"{path}/"
        yield "two slashes at the end", f"{path}//"


def _ids(path: str) -> Iterator[tuple[str, str]]:
    segments = path.split("/")
    for place, segment in enumerate(segments):
        if not _ID.fullmatch(segment):
            continue
        odd = [*odd_values(segment), ("encoded slash", f"{segment}%2F{segment}"), ("empty", "")]
        for what, value in odd:
            yield (
                f"path segment {segment} {what}",
                "/".join((*segments[:place], value, *segments[place + 1 :])),
            )


def _words(path: str) -> Iterator[tuple[str, str]]:
    segments = path.split("/")
    words = [place for place, segment in enumerate(segments) if segment and not _ID.fullmatch(segment)]
    if not words:
        return
    place = words[-1]
    word = segments[place]
    for what, value in _notations(word):
        yield f"path segment {word} {what}", "/".join((*segments[:place], value, *segments[place + 1 :]))


def _notations(word: str) -> Iterator[tuple[str, str]]:
    """Other notations of a word: some mean the same, and some do not."""
    if word[0].isascii() and word[0].isalnum():
        yield "escaped", f"%{ord(word[0]):02X}{word[1:]}"
    yield "in other case", word.swapcase()
    yield "after an empty one", f"/{word}"
    yield "after a dot", f"./{word}"
    yield "after two dots", f"x/../{word}"
    yield "with a blank", f"{word}%20"
    yield "with a plus sign", f"{word}+"
    yield "with an encoded slash", f"{word}%2F"
    yield "with an encoded question mark", f"{word}%3F"
    yield "with an encoded hash", f"{word}%23"
    yield "with an encoded backslash", f"{word}%5C"
    yield "with a percent sign", f"{word}%25"
    yield "with a parameter", f"{word};x=1"
    yield "with an ending", f"{word}.json"
    yield "with letters beyond ASCII", f"{word}%C3%A9"
    yield "with what is not UTF-8", f"{word}%FF"
    yield "with NUL", f"{word}%00"
    yield "with a line feed", f"{word}%0A"
    yield "long", word + LONG
