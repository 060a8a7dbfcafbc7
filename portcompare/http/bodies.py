"""Bodies as bytes: decoded as their Content-Encoding says, a server's own address replaced."""

import re
import stat
import zlib
from errno import EFBIG, EINVAL
from os.path import commonprefix
from pathlib import Path
from typing import Final

import brotli

from portcompare.units import size

ANY_SERVER = b"{server}"  # stands for a server's own address

_WINDOW_BITS: Final = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


LARGEST_FILE_BYTES: Final = 100_000_000
MOST_BODY_BYTES: Final = 64 * 1024 * 1024  # As sent, and also decoded: few bytes may stand for very many


class DecodedTooLarge(ValueError):  # noqa: N818 - it names what was found
    """A body has more bytes than are decoded."""

    def __init__(self) -> None:
        super().__init__(f"the body has more than {MOST_BODY_BYTES:,} bytes when decoded")


def find_size(path: Path) -> int:
    """The size of a file in bytes; raises OSError, also for what has no end, such as a pipe or a device."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(EINVAL, "it is no regular file")
    return status.st_size


def read_file(path: Path) -> bytes:
    """Read a file that a plan names; raises OSError, also for what has no end and for what is too large."""
    size_bytes = find_size(path)
    if size_bytes > LARGEST_FILE_BYTES:
        raise OSError(EFBIG, f"it has {size(size_bytes)}, and {size(LARGEST_FILE_BYTES)} are allowed")
    return path.read_bytes()


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


def decode_body(body: bytes, encoding: str | None) -> bytes:
    """Decode a body as its Content-Encoding says; codings that are not known here are left as they are.

    Raises ValueError if it is not encoded so, not to its end, or too large; the text says which.
    """
    for coding in reversed((encoding or "").lower().split(",")):
        name = coding.strip()
        try:
            if name in _WINDOW_BITS:
                body = _inflate(body, name)
            elif name == "br":
                body = _inflate_brotli(body)
        except (zlib.error, brotli.error) as error:
            raise ValueError(f"not {name}, or cut off: {error}") from None
    return body


def _inflate(body: bytes, name: str) -> bytes:
    parts: list[bytes] = []
    left_bytes = MOST_BODY_BYTES
    while True:
        # Some servers leave out the header of the zlib format (RFC 9110, section 8.4.1.2).
        is_bare = name == "deflate" and (body[:1] or b"x")[0] & 0x0F != zlib.DEFLATED
        stream = zlib.decompressobj(-zlib.MAX_WBITS if is_bare else _WINDOW_BITS[name])
        parts.append(stream.decompress(body, left_bytes + 1))
        left_bytes -= len(parts[-1])
        if left_bytes < 0:
            raise DecodedTooLarge
        if not stream.eof:
            raise ValueError(f"the {name} stream is cut off after {sum(map(len, parts)):,} bytes")
        body = stream.unused_data
        if name == "deflate" or not body:  # a gzip stream may have several members
            return b"".join(parts)


def _inflate_brotli(body: bytes) -> bytes:
    stream = brotli.Decompressor()
    content: bytes = stream.process(body, output_buffer_limit=MOST_BODY_BYTES)
    if len(content) > MOST_BODY_BYTES or not stream.can_accept_more_data():
        raise DecodedTooLarge
    if not stream.is_finished():
        raise brotli.error("it has no end")
    return content


EXCERPT_CHARS: Final = 80
_LEAD_CHARS: Final = 24


def excerpts(one: str, other: str) -> tuple[str, str]:
    """Two texts, cut alike to what is around their first difference."""
    if max(len(one), len(other)) <= EXCERPT_CHARS:
        return printable(one), printable(other)
    start = max(len(commonprefix([one, other])) - _LEAD_CHARS, 0)  # noqa: RUF071 - texts, not paths
    return _cut(one, start), _cut(other, start)


def _cut(text: str, start: int) -> str:
    end = start + EXCERPT_CHARS
    return ("..." if start else "") + printable(text[start:end]) + ("..." if end < len(text) else "")


def printable(text: str) -> str:
    """A text on one line, its invisible characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
