"""Addresses of servers: where to connect to, and what a URL must not have."""

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class AddressError(ValueError):
    """A URL names no server to send to."""

    def __init__(self, url: str, found: str, remedy: str) -> None:
        shown = repr(url) if "@" not in url else "the URL"  # which may hold a password
        super().__init__(f"{shown} {found}: {remedy}")
        self.found = found
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to connect to, and what the Host header says."""

    secure: bool  # True for TLS
    host: str  # Name or address, an IPv6 one without its brackets
    port: int
    netloc: str  # For the Host header

    @classmethod
    def of(cls, url: str) -> Self:
        """The address in a URL; raises AddressError."""
        found, remedy = "is not the address of a server", "write http://HOST:PORT or https://HOST:PORT"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            reason = f": {error}" if "@" not in url else ""
            raise AddressError(url, found + reason, remedy) from None
        if parts.username is not None:
            remedy = "write http://HOST:PORT, and send an Authorization header instead"
            raise AddressError(url, f"{found} alone, but names a user", remedy)
        is_sendable = parts.netloc.isascii() and not any(map(str.isspace, url))
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0 or not is_sendable:
            raise AddressError(url, found, remedy)
        return cls(
            secure=parts.scheme == "https",
            host=parts.hostname,
            port=port or _DEFAULT_PORTS[parts.scheme],
            netloc=parts.netloc,
        )
