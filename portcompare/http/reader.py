"""A response as it comes in, for load and comparison: fed with bytes until it is complete or refused."""

import re
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

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
