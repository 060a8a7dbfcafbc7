"""Sending one case to one running server."""

from __future__ import annotations

from contextlib import closing
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from portcompare.parity.answer import Answer

if TYPE_CHECKING:
    from portcompare.model import RequestSpec

# The load generator sends the same, so that what parity approves is what the answers under load look like.
_HEADERS = (("User-Agent", "portcompare"), ("Accept", "*/*"))


def open_transport() -> httpx.HTTPTransport:
    """The way to the servers; to be closed by the caller, and safe to share among threads.

    A transport, not a Client: a Client looks into Location headers and fails on those it cannot read, where
    they are to be compared.

    Returns:
        A transport that knows no proxy and opens a connection for each request, so that no answer depends on
        what another one left on the connection or on when the server closes it.
    """
    return httpx.HTTPTransport(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


def ask(transport: httpx.HTTPTransport, url: str, case: RequestSpec, timeout_s: float) -> Answer:
    """Send a case to a server and read its whole answer.

    Args:
        transport: The way to the server.
        url: The server's address, `http://host:port`.
        case: What is asked; its target goes out as it stands.
        timeout_s: Limit for connecting, for each wait for bytes, and for the body as a whole, in seconds.

    Returns:
        The answer; that there is none is an answer too.
    """
    server = urlsplit(url).netloc
    begun_s = monotonic()
    try:
        with closing(transport.handle_request(_request(url, case, timeout_s))) as response:
            return Answer(
                server=server,
                status=response.status_code,
                headers=tuple(
                    (name.decode("latin-1").lower(), value.decode("latin-1"))
                    for name, value in response.headers.raw
                ),
                body=_read_body(response, begun_s + timeout_s),
            )
    except httpx.TransportError as error:
        return Answer(server=server, error=type(error).__name__)


def _request(url: str, case: RequestSpec, timeout_s: float) -> httpx.Request:
    given = {name.lower() for name, _ in case.headers}
    headers = [(name, value) for name, value in _HEADERS if name.lower() not in given]
    return httpx.Request(
        case.method,
        url,
        headers=[
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in (*headers, *case.headers)
        ],
        content=case.body.encode() or None,
        # Any other way httpx would write the target anew: it encodes what it thinks should be encoded.
        extensions={"target": case.target.encode(), "timeout": httpx.Timeout(timeout_s).as_dict()},
    )


def _read_body(response: httpx.Response, deadline_s: float) -> bytes:
    """The body as sent; a timeout where it comes on and on, as a stream of events does."""
    parts = []
    for part in response.iter_raw():
        parts.append(part)
        if monotonic() > deadline_s:
            raise httpx.ReadTimeout("the body did not end")
    return b"".join(parts)
