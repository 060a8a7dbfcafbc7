"""What a server answered."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ANY_SERVER = b"{server}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer, or the error that stands for none.

    Attributes:
        server: Host and port it was asked at, as in the Host header.
        status: The HTTP status code; None if there was no complete answer.
        headers: Name and value pairs in the order of the answer, the names in lower case.
        body: The bytes as sent: still encoded as Content-Encoding says.
        error: Why there is no complete answer; empty if there is one.
    """

    server: str
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: str = ""

    def header(self, name: str) -> str | None:
        """A header's value, the server's own address replaced by a placeholder.

        Args:
            name: Its name in lower case.

        Returns:
            The value, or None if it is absent. What is sent in several lines is joined as RFC 9110,
            section 5.3 says: by commas, except cookies, which may contain commas and have a line each.
        """
        values = [value for given, value in self.headers if given == name]
        if not values:
            return None
        joined = ("\n" if name == "set-cookie" else ", ").join(values)
        return self._without_address(joined.encode("latin-1")).decode("latin-1")

    @property
    def portable_body(self) -> bytes:
        """The body, the server's own address replaced by a placeholder."""
        return self._without_address(self.body)

    def _without_address(self, content: bytes) -> bytes:
        # The colon may stand percent-encoded in the query of a redirect. The digits around are looked at
        # so that port 80 is not found in port 8000.
        address = re.escape(self.server.encode()).replace(b":", b"(?::|%3[Aa])")
        return re.sub(rb"(?<![\d.])" + address + rb"(?!\d)", _ANY_SERVER, content)
