"""Responses: read as they come in, for load and comparison, and complete, as they are compared."""

import re
from dataclasses import dataclass
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from portcompare.http.bodies import MOST_BODY_BYTES, decode_body, without_address

MOST_HEAD_BYTES: Final = 64 * 1024  # Interim responses included
MAX_BODY_BYTES: Final = 16 * 1024 * 1024  # Under load

SWITCHING_PROTOCOLS: Final = 101
END_OF_HEAD: Final = b"\r\n\r\n"
_INTERIM: Final = re.compile(rb"HTTP/[0-9.]+ 1(?!01)")
_CLOSES: Final = re.compile(rb"\r\nconnection:(?:[^\r\n]*[,\s])?close[,\s]", re.IGNORECASE)
_KEEPS: Final = re.compile(rb"\r\nconnection:(?:[^\r\n]*[,\s])?keep-alive[,\s]", re.IGNORECASE)

INVALID_HTTP: Final = "invalid HTTP"
HEAD_TOO_LARGE: Final = f"headers of more than {MOST_HEAD_BYTES} bytes"
INTERIM_TOO_LARGE: Final = f"interim responses (1xx) of more than {MOST_HEAD_BYTES} bytes"
BODY_TOO_LARGE: Final = f"body of more than {MAX_BODY_BYTES} bytes"
INCOMPLETE: Final = "incomplete response"
SURPLUS: Final = "more than a response"


class ResponseReader:
    """Reads the responses of one connection, one after the other.

    Only the parser callbacks that are needed exist: each is a call from C into Python for every response.
    """

    __slots__ = (
        "_body_bytes",
        "_body_parts",
        "_has_surplus",
        "_most_body_bytes",
        "_parser",
        "body",
        "complete",
        "head",
        "head_complete",
        "head_only",
        "keep_alive",
        "received_bytes",
        "status",
    )

    def __init__(self, most_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._most_body_bytes = most_body_bytes
        self.head_only = True  # so that `expect` makes a parser; then of the response to a HEAD request
        self.complete: bool
        self.keep_alive: bool  # False if the server closes the connection after the response
        self.expect(head_only=False)

    def expect(self, *, head_only: bool) -> None:
        """Get ready for the next response."""
        if self.head_only or not self.complete or not self.keep_alive:
            # The parser still waits for a body, or is at the end of its connection: it reads no other one.
            self._parser = HttpResponseParser(self)
        self.head_only = head_only
        self.head_complete = self._has_surplus = False
        self._body_parts: list[bytes] = []
        self._body_bytes = 0
        self.complete = False
        self.keep_alive = True
        self.status = 0
        self.body = b""
        self.head = b""
        self.received_bytes = 0

    def feed(self, data: bytes) -> str | None:
        """Take in bytes from the connection; returns the kind of failure, None if there is none so far.

        Empty lines after a response are none of it, and no failure.
        """
        was_complete = self.complete
        if not self.received_bytes:
            self.head = data
        elif not self.head_complete:
            self.head += data
        self.received_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            if not self.complete:
                return BODY_TOO_LARGE if self._body_bytes > self._most_body_bytes else INVALID_HTTP
            self.keep_alive, self._has_surplus = False, True
        except HttpParserUpgrade:  # complete; what follows it on this connection is not HTTP
            self.keep_alive = False
        if self.complete:
            if self.head_only:
                self._has_surplus = was_complete or bool(self.from_final_head().partition(END_OF_HEAD)[2])
            return SURPLUS if self._has_surplus and self.status != SWITCHING_PROTOCOLS else None
        if not self.head_complete and self.received_bytes > MOST_HEAD_BYTES:
            final_bytes = len(self.from_final_head())
            return HEAD_TOO_LARGE if 2 * final_bytes > self.received_bytes else INTERIM_TOO_LARGE
        return None

    def feed_end(self) -> str | None:
        """Take in that the server has closed; returns the kind of failure, None if the response ends so."""
        head = self.final_head().lower()
        has_length = any(name in head for name in (b"\ncontent-length:", b"\ntransfer-encoding:"))
        if not self.head_complete or has_length:
            return INCOMPLETE
        self._finish()
        return None

    def headers(self) -> list[tuple[str, str]]:
        """The headers in the order and case in which they came, repeated ones too."""
        lines = self.final_head().split(b"\r\n")[1:]
        pairs = (line.decode("latin-1").partition(":") for line in lines)
        return [(name, value.strip(" \t")) for name, _, value in pairs]

    def on_message_begin(self) -> None:
        """Called by the parser at the beginning of each response, also of one that was not requested."""
        self._has_surplus = self.complete

    def on_headers_complete(self) -> None:
        """Called by the parser when the headers are complete, also those of what follows the response."""
        self.head_complete = True
        if self.head_only and not self.complete:
            self._finish()

    def on_body(self, body: bytes) -> None:
        """Called by the parser for each piece of the body; an error ends its work."""
        self._body_bytes += len(body)
        if self._body_bytes > self._most_body_bytes:
            raise ValueError
        self._body_parts.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of a response, and of each interim one (1xx) before it."""
        if not self.complete:
            self._finish()

    def final_head(self) -> bytes:
        """The status line and the headers, without the interim responses (1xx) before them."""
        return self.from_final_head().partition(END_OF_HEAD)[0]

    def from_final_head(self) -> bytes:
        """What was received from the status line on to the end of the headers, and together with them."""
        head = self.head.lstrip(b"\r\n")
        while _INTERIM.match(head):
            head = head.partition(END_OF_HEAD)[2].lstrip(b"\r\n")
        return head

    def _should_keep_alive_after_head(self) -> bool:
        """The parser does not know that no body follows, and takes the connection's end for the body's."""
        head = self.final_head() + b"\r\n"
        if self._parser.get_http_version() == "1.1":
            return not _CLOSES.search(head)
        return _KEEPS.search(head) is not None

    def _finish(self) -> None:
        status = self._parser.get_status_code()
        if status // 100 == 1 and status != SWITCHING_PROTOCOLS:
            self.head_complete = False
            return
        self.status = status
        self.keep_alive = (
            self._should_keep_alive_after_head() if self.head_only else self._parser.should_keep_alive()
        )
        parts = self._body_parts
        self.body = parts[0] if len(parts) == 1 else b"".join(parts)
        self.complete = True


MOST_HEADERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A response that had not ended when it was read no longer."""

    first_byte_s: float | None  # From the request to the first byte of the body; None if none came
    # From the request until there was enough of the body to compare; None if there never was
    first_part_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A complete response, or the error because of which there is none."""

    server: str  # Host and port, as in the Host header
    status: int | None = None  # None if there was no complete response
    headers: tuple[tuple[str, str], ...] = ()  # In the order of the response, the names in lower case
    # As sent, still encoded as Content-Encoding says. Of the response to a HEAD request, which should have no
    # body, whatever followed its headers
    body: bytes = b""
    error: str = ""  # Why there is no complete response; empty if there is one
    stream: Stream | None = None  # If the response does not end; the body is then its first part

    def lines(self, name: str) -> list[str]:
        """The values of a header, one for each line, the server's own address replaced by a placeholder."""
        return [
            without_address(value.encode("latin-1"), self.server).decode("latin-1")
            for given, value in self.headers
            if given == name
        ]

    def header(self, name: str) -> str | None:
        """The lines of a header, joined by commas (RFC 9110, section 5.3); None if it is absent."""
        values = self.lines(name)
        return ", ".join(values) if values else None

    @property
    def portable_body(self) -> bytes:
        """The body as sent, the server's own address replaced by a placeholder."""
        return without_address(self.body, self.server)

    def decoded(self) -> bytes:
        """The body, decoded as Content-Encoding says, the server's own address replaced.

        Raises ValueError if it is not encoded so, or not to its end.
        """
        return without_address(decode_body(self.body, self.header("content-encoding")), self.server)


class ResponseError(Exception):
    """There is no complete response; the text says why."""


class BodyTooLarge(ResponseError):  # noqa: N818 - it names what was found
    """A body has more bytes than are read."""


class ResponseParser(ResponseReader):
    """Reads one response with all that is compared of it."""

    def __init__(self, *, head_only: bool) -> None:
        super().__init__(MOST_BODY_BYTES)
        self.expect(head_only=head_only)

    def header(self, name: str) -> str | None:
        """The first value of a header; None if it has not been received."""
        return next((value for given, value in self.headers() if given.lower() == name), None)

    @property
    def has_body(self) -> bool:
        """Whether any byte of a body has been received, also after the headers of a response to HEAD."""
        return bool(self.body or self._body_parts)

    def feed(self, data: bytes) -> None:
        """Take in what was received, or raise ResponseError; no bytes mean that the server has closed."""
        if self.head_only and self.complete:
            self._keep_after_head(data)
            return
        failure = super().feed(data) if data else self.feed_end()
        if self.head_only and self.complete:
            self._keep_after_head(self.from_final_head().partition(END_OF_HEAD)[2])
            failure = None
        if failure == BODY_TOO_LARGE:
            raise BodyTooLarge(f"body of more than {MOST_BODY_BYTES:,} bytes")
        if self.final_head().count(b"\n") > MOST_HEADERS:
            failure = f"headers of more than {MOST_HEADERS:,} lines"
        if failure is not None:
            raise ResponseError(failure)

    def _keep_after_head(self, data: bytes) -> None:
        if self.status != SWITCHING_PROTOCOLS:  # what follows is not HTTP
            self.body += data

    def response(self, server: str) -> Response:
        """The response so far."""
        return Response(
            server=server,
            status=self.status or self._parser.get_status_code(),
            headers=tuple((name.lower(), value) for name, value in self.headers()),
            body=self.body or b"".join(self._body_parts),
        )
