"""Responses, complete with all headers, as they are compared."""

from dataclasses import dataclass

from portcompare.http.bodies import MOST_BODY_BYTES, decode_body, without_address
from portcompare.http.reader import BODY_TOO_LARGE, END_OF_HEAD, SWITCHING_PROTOCOLS, ResponseReader

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
