"""Where requests go, and the bytes they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from portcompare.model import RequestSpec

_DEFAULT_PORTS = {"http": 80}

_METHODS_WITH_BODY = ("POST", "PUT", "PATCH")
"""These say how long their body is even when it is empty (RFC 9110, section 8.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to connect to, and what to call it in the Host header."""

    host: str
    port: int
    netloc: str

    @classmethod
    def of(cls, url: str) -> Address:
        """The address in a URL.

        Args:
            url: Scheme, host and, if it is not the scheme's own, port; a path is ignored.

        Returns:
            The address.

        Raises:
            ValueError: If it is no such URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            msg = f"{url!r} is not the address of a server: it must begin with http:// and name a host"
            raise ValueError(msg)
        return cls(host=parts.hostname, port=parts.port or _DEFAULT_PORTS[parts.scheme], netloc=parts.netloc)


def encode_request(spec: RequestSpec, address: Address) -> bytes:
    """The bytes of a request, built once and sent many times.

    Args:
        spec: The request.
        address: Whom it goes to.

    Returns:
        Request line, headers and body.
    """
    body = spec.body.encode()
    usual = [("Host", address.netloc), ("User-Agent", "portcompare"), ("Accept", "*/*")]
    if body or spec.method in _METHODS_WITH_BODY:
        usual.append(("Content-Length", str(len(body))))
    own = {name.lower() for name, _ in spec.headers}
    headers = [*(header for header in usual if header[0].lower() not in own), *spec.headers]
    lines = [f"{spec.method} {spec.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
