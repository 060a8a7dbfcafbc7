"""What a server answered."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from portcompare.bodies import without_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer, or the error that stands for none.

    Attributes:
        server: Host and port it was asked at, as in the Host header.
        status: The HTTP status code; None if there was no complete answer.
        headers: Name and value pairs in the order of the answer, the names in lower case.
        body: The bytes as sent: still encoded as Content-Encoding says. Of the answer to a HEAD request,
            which should have none, whatever came after its headers.
        error: Why there is no complete answer; empty if there is one.
    """

    server: str
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: str = ""

    def lines(self, name: str) -> list[str]:
        """The values of a header, one for each line, the server's own address replaced by a placeholder.

        Args:
            name: Its name in lower case.

        Returns:
            The values; empty if it is absent.
        """
        return [
            without_address(value.encode("latin-1"), self.server).decode("latin-1")
            for given, value in self.headers
            if given == name
        ]

    def header(self, name: str) -> str | None:
        """A header's value, the server's own address replaced by a placeholder.

        Args:
            name: Its name in lower case.

        Returns:
            The value, or None if it is absent. What is sent in several lines is joined by commas, as
            RFC 9110, section 5.3 says; for cookies, which may contain commas, see `lines`.
        """
        values = self.lines(name)
        return ", ".join(values) if values else None

    @property
    def portable_body(self) -> bytes:
        """The body as sent, the server's own address replaced by a placeholder."""
        return without_address(self.body, self.server)

    @property
    def content(self) -> bytes:
        """The body as the app meant it: decoded, the server's own address replaced by a placeholder.

        It stays encoded where no decoder is at hand, or where it is not what Content-Encoding says.
        """
        encoding = self.header("content-encoding")
        if not encoding:
            return self.portable_body
        try:
            decoded = httpx.Response(200, headers={"Content-Encoding": encoding}, content=self.body).content
        except httpx.DecodingError:
            return self.portable_body
        return without_address(decoded, self.server)
