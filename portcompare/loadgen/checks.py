"""Responses under load, compared with those that parity approved."""

import base64
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any, Final

from urllib3 import HTTPResponse
from urllib3.exceptions import DecodeError

from portcompare.http.bodies import masked_json, without_address
from portcompare.records.requests import Expectation
from portcompare.wire.protocol import WRONG_BODY, WRONG_STATUS, Captured

SPARSE: Final = 64
"""One response in so many is checked where checking each would cost too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseBody:
    """A body that names the server, or parts of which vary by themselves: too costly to check each time."""

    content: bytes  # The approved body, with a placeholder for the server's own address
    server: str | None  # Host and port to replace in responses; None to leave them
    masked: tuple[str, ...]  # JSON pointers to values of which only the type is compared
    value: str | None  # The JSON that is compared, as text; None to compare bytes

    @classmethod
    def of(cls, expected: Expectation, server: str) -> "LooseBody":
        """Prepare the approved body for comparing."""
        content = base64.b64decode(expected.body_base64 or "")
        return cls(
            content=content,
            server=server if expected.own_address else None,
            masked=expected.masked,
            value=_as_text(masked_json(content, expected.masked)) if expected.masked else None,
        )

    def matches(self, body: bytes) -> bool:
        """Whether a body is the approved one."""
        content = body if self.server is None else without_address(body, self.server)
        if self.value is None:
            return content == self.content
        try:
            return _as_text(masked_json(content, self.masked)) == self.value
        except ValueError:
            return False


def exact_body(expected: Expectation) -> bytes | None:
    """The body that every response must have; None where responses are not compared byte by byte."""
    if expected.body_base64 is None or expected.masked or expected.own_address:
        return None
    return base64.b64decode(expected.body_base64)


def _as_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """JSON in one spelling: to Python 1, 1.0 and true are equal, to clients they are not."""
    return json.dumps(value, sort_keys=True)


CONNECTION_HEADERS: Final = frozenset(
    ["connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding"]
) | {"proxy-authorization", "proxy-connection", "upgrade"}
"""Headers of one connection (RFC 9110, section 7.6.1), and those that every client writes itself."""

_CREDENTIALS: Final = ("authorization", "cookie")


@dataclass(slots=True, kw_only=True)
class _Approved:
    """A captured request and its approved response."""

    name: str  # The request's
    headers: Mapping[str, str]  # The request's, names in lower case
    expected: Expectation  # Without a body where that is not compared
    server: str  # Host and port of the server under load
    responses: int = 0
    # The body by the encoding in which it came: clients hand it over decoded
    bodies: dict[str | None, LooseBody] = field(default_factory=dict)

    def is_due(self, *, first: bool) -> bool:
        """Whether the body of the next response is to be compared."""
        if self.expected.body_base64 is None:
            return False
        self.responses += 1
        return first or self.responses % SPARSE == 1 or exact_body(self.expected) is not None

    def matches(self, content: bytes, encoding: str | None) -> bool:
        body = self.bodies.get(encoding)
        if body is None:
            decoded = _decode(base64.b64decode(self.expected.body_base64 or ""), encoding)
            expected = replace(self.expected, body_base64=base64.b64encode(decoded).decode())
            body = self.bodies[encoding] = LooseBody.of(expected, self.server)
        return body.matches(content)


class ApprovedResponses:
    """The approved responses to captured requests without a body.

    A request with a body mostly writes, and its response depends on what was written before.
    """

    def __init__(self, captured: Captured, expectations: Mapping[int, Expectation], server: str) -> None:
        self._by_line: defaultdict[tuple[str, str], list[_Approved]] = defaultdict(list)
        for place, request in enumerate(captured.requests):
            expected = expectations.get(place)
            if request.body or expected is None:
                continue
            if place in captured.varying:  # depends on earlier requests, if parity did not see it vary
                expected = replace(expected, body_base64=None)
            headers = {name.lower(): value for name, value in request.headers}
            self._by_line[request.method, request.target].append(
                _Approved(name=request.name, headers=headers, expected=expected, server=server)
            )

    def find_wrong(self, response: Any, *, first: bool) -> str | None:  # noqa: ANN401 - of any client library
        """Compare a client's response with the approved one.

        Returns the kind of failure; None if there is none, or if this very request was never approved.
        """
        # The last request sent, after redirects.
        approved = self._find(getattr(response, "request", None))
        if approved is None:
            return None
        if response.status_code != approved.expected.status:
            return f"{WRONG_STATUS}{response.status_code}"
        content = _content(response)
        if content is None or not approved.is_due(first=first):
            return None
        is_right = approved.matches(content, response.headers.get("content-encoding"))
        return None if is_right else f"{WRONG_BODY} ({approved.name})"

    def _find(self, sent: Any) -> _Approved | None:  # noqa: ANN401 - of any client library
        if hasattr(sent, "path_url"):  # requests
            target = str(sent.path_url)
        elif hasattr(sent, "url_split"):  # geventhttpclient
            target = str(sent.url_split.quoted_uri)
        else:
            return None
        approved = [] if sent.body else self._by_line.get((sent.method, target), [])
        headers = {name.lower(): value for name, value in sent.headers.items()} if approved else {}
        return next((one for one in approved if _is_same(one.headers, headers)), None)


def _is_same(captured: Mapping[str, str], sent: Mapping[str, object]) -> bool:
    """Whether headers are the captured ones: the response may depend on them.

    A client may add some only on the way out, where they are captured but not known here.
    """
    known = ((name, value) for name, value in sent.items() if name not in CONNECTION_HEADERS)
    return all(captured.get(name) == value for name, value in known) and all(
        name in sent for name in _CREDENTIALS if name in captured
    )


def _content(response: Any) -> bytes | None:  # noqa: ANN401 - of any client library
    """The body, if the client has read it: a streamed one is left to the user."""
    for name in ("_content", "_cached_content"):  # requests, geventhttpclient
        content = getattr(response, name, None)
        if isinstance(content, bytes):
            return content
    return None


def _decode(body: bytes, encoding: str | None) -> bytes:
    """A body as clients hand it over; as it is if it is not encoded so."""
    if not encoding:
        return body
    try:
        return HTTPResponse(BytesIO(body), headers={"Content-Encoding": encoding}).data
    except DecodeError:
        return body
