"""The answer that is read from the bytes that come back."""

from __future__ import annotations

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from portcompare.parity.answer import Answer

MOST_BODY_BYTES = 64 * 1024 * 1024

_FIRST_FINAL_STATUS = 200
_SWITCHING_PROTOCOLS = 101
_END_OF_HEAD = b"\r\n\r\n"


class BrokenAnswerError(Exception):
    """What came back is no whole answer; the text says in what way."""


class AnswerParser:
    """Reads one answer, fed with the bytes of its connection.

    The load generator has a reader of its own, which looks at no headers: each would cost it time.

    Attributes:
        head_only: True for the answer to a HEAD request.
        head_complete: True when the status and all headers are there.
        complete: True when the answer is whole.
    """

    def __init__(self, *, head_only: bool) -> None:
        """Get ready for an answer.

        Args:
            head_only: True for the answer to a HEAD request. It is never complete by itself: who reads it
                decides how long to wait for a body that should not come.
        """
        self._parser = HttpResponseParser(self)
        self.head_only = head_only
        self._headers: list[tuple[str, str]] = []
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self._status = 0
        self.head_complete = False
        self.complete = False

    @property
    def has_body(self) -> bool:
        """Whether any byte of a body has come."""
        return self._size_bytes > 0

    def feed(self, data: bytes) -> None:
        """Take in what was received.

        Args:
            data: The bytes; none if the server has closed the connection.

        Raises:
            BrokenAnswerError: It is no answer, or not a whole one.
        """
        if not data:
            self._end()
            return
        was_head_complete = self.head_complete
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.complete = True
        except HttpParserError:
            if self.complete:  # what follows is no part of the answer
                return
            if not self.head_only or not self.head_complete:
                raise BrokenAnswerError("garbage instead of HTTP") from None
            if not self.has_body:  # it follows headers that promise no body even to a GET
                self.on_body(data if was_head_complete else data.partition(_END_OF_HEAD)[2])
        if self._size_bytes > MOST_BODY_BYTES:
            raise BrokenAnswerError(f"a body of more than {MOST_BODY_BYTES:,} bytes")

    def answer(self, server: str) -> Answer:
        """The answer that was read.

        Args:
            server: Host and port it was asked at.

        Returns:
            The answer.
        """
        return Answer(
            server=server, status=self._status, headers=tuple(self._headers), body=b"".join(self._parts)
        )

    def _end(self) -> None:
        names = {name for name, _ in self._headers}
        if not self.head_complete:
            raise BrokenAnswerError("connection closed before the headers were complete")
        if not self.head_only and names & {"content-length", "transfer-encoding"}:
            raise BrokenAnswerError("connection closed before the body was complete")
        self.complete = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each header, and for each trailer, which is passed over."""
        if not self.head_complete:
            self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        """Called by the parser when all headers are there."""
        if not self.head_complete:
            self._status = self._parser.get_status_code()
            self.head_complete = True

    def on_body(self, body: bytes) -> None:
        """Called by the parser for each piece of the body."""
        self._size_bytes += len(body)
        if self._size_bytes <= MOST_BODY_BYTES:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of an answer, and of each interim one (1xx) before it."""
        if self._status < _FIRST_FINAL_STATUS and self._status != _SWITCHING_PROTOCOLS:
            self._headers.clear()
            self.head_complete = False
        elif not self.head_only:
            self.complete = True
