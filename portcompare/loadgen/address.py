"""Where requests go, and the bytes they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from portcompare.model import RequestSpec

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_METHODS_WITH_BODY: Final = ("POST", "PUT", "PATCH")
"""These say how long their body is even when it is empty (RFC 9110, section 8.6)."""

# RFC 9110, sections 5 and 9.1, and RFC 9112, section 3.2; without line ends, nothing can be smuggled in.
_TOKEN: Final = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+")
_TARGET: Final = re.compile(r"\*|/[!-~]*")
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to connect to, and what to call it in the Host header.

    Attributes:
        secure: True for TLS.
        host: Name or address, an IPv6 one without its brackets.
        port: The port.
        netloc: What the Host header says.
    """

    secure: bool
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
        refused = f"{url!r} is not the address of a server"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ValueError(f"{refused}: {error}") from error
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
            raise ValueError(f"{refused}: it must begin with http:// or https:// and name a host")
        if parts.username is not None:
            # Not shown as it is: it may hold a password.
            raise ValueError(
                f"the address of {parts.hostname} names a user: send an Authorization header instead"
            )
        return cls(
            secure=parts.scheme == "https",
            host=parts.hostname,
            port=port or _DEFAULT_PORTS[parts.scheme],
            netloc=parts.netloc,
        )


def find_flaw(spec: RequestSpec) -> str | None:
    """What is wrong with a request.

    Args:
        spec: The request.

    Returns:
        Why it cannot be sent as HTTP/1.1; None if it can.
    """
    if not _TOKEN.fullmatch(spec.method):
        return f"the method {spec.method!r} is none"
    if not _TARGET.fullmatch(spec.target):
        return f"the path {spec.target!r} does not begin with / or holds what must be percent-encoded"
    for name, value in spec.headers:
        if not _TOKEN.fullmatch(name):
            return f"the header name {name!r} is none"
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            return f"the header {name!r} is not one line of latin-1 text: {value!r}"
    if not isinstance(spec.body, str) or not _is_utf8(spec.body):
        return "the body is not text that can be sent as UTF-8"
    return None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
