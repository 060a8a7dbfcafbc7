"""The bytes that a request is: parity and the load send the very same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from portcompare.model import RequestSpec

_USUAL: Final = (("User-Agent", "portcompare"), ("Accept", "*/*"))

_METHODS_WITH_BODY: Final = ("POST", "PUT", "PATCH")
"""These say how long their body is even when it is empty (RFC 9110, section 8.6)."""


def complete_headers(request: RequestSpec) -> tuple[tuple[str, str], ...]:
    """The headers that a request is sent with, beside Host.

    Args:
        request: The request.

    Returns:
        The usual ones, each unless the request has its own, and the request's.
    """
    usual = list(_USUAL)
    if request.body or request.method in _METHODS_WITH_BODY:
        usual.append(("Content-Length", str(len(request.body))))
    own = _names(request.headers)
    return (*(header for header in usual if header[0].lower() not in own), *request.headers)


def encode_request(request: RequestSpec, server: str) -> bytes:
    """The bytes of a request.

    Args:
        request: The request; its target goes out as it stands.
        server: Host and port, for the Host header.

    Returns:
        Request line, headers and body.

    Raises:
        UnicodeEncodeError: A header, or the target, is not latin-1.
    """
    host = () if "host" in _names(request.headers) else (("Host", server),)
    headers = (*host, *complete_headers(request))
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


def _names(headers: tuple[tuple[str, str], ...]) -> set[str]:
    return {name.lower() for name, _ in headers}
