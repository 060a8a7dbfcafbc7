"""What parity approved of, held against the answers that a user class of the locustfile gets under load."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from urllib3 import HTTPResponse
from urllib3.exceptions import DecodeError

from portcompare.loadgen.bodies import LooseBody, exact_body
from portcompare.loadgen.session import SPARSE
from portcompare.records.requests import Expectation
from portcompare.wire.protocol import WRONG_BODY, WRONG_STATUS

if TYPE_CHECKING:
    from portcompare.wire.protocol import Captured

CONNECTION_ONLY: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say how a message is sent and not what it says (RFC 9110, section 7.6.1), and those that every
client writes itself."""

_CREDENTIALS: Final = ("authorization", "cookie")


@dataclass(slots=True, kw_only=True)
class _Approved:
    """A request that was captured, and how it must be answered."""

    name: str  # What tables call it
    headers: Mapping[str, str]  # Its headers, the names in lower case
    expected: Expectation  # The approved answer; without a body where that is not compared
    server: str  # Host and port of the server under load
    answers: int = 0  # How many there were
    # The body by the encoding in which it came: clients hand it over decoded
    bodies: dict[str | None, LooseBody] = field(default_factory=dict)

    def is_due(self, *, first: bool) -> bool:
        """Whether the body of the next answer is to be compared."""
        if self.expected.body_base64 is None:
            return False
        self.answers += 1
        return first or self.answers % SPARSE == 1 or exact_body(self.expected) is not None

    def matches(self, content: bytes, encoding: str | None) -> bool:
        """Whether a body, which came in an encoding, is the approved one."""
        body = self.bodies.get(encoding)
        if body is None:
            decoded = _decode(base64.b64decode(self.expected.body_base64 or ""), encoding)
            expected = replace(self.expected, body_base64=base64.b64encode(decoded).decode())
            body = self.bodies[encoding] = LooseBody.of(expected, self.server)
        return body.matches(content)


class Approved:
    """The approved answers to requests without a body.

    Requests with one write, as a rule: what they are answered depends on what was written before.
    """

    def __init__(self, captured: Captured, expectations: Mapping[int, Expectation], server: str) -> None:
        """Take what parity approved."""
        self._by_line: defaultdict[tuple[str, str], list[_Approved]] = defaultdict(list)
        for place, request in enumerate(captured.requests):
            expected = expectations.get(place)
            if request.body or expected is None:
                continue
            if place in captured.varying:  # by what was asked before, if parity did not see it vary
                expected = replace(expected, body_base64=None)
            headers = {name.lower(): value for name, value in request.headers}
            self._by_line[request.method, request.target].append(
                _Approved(name=request.name, headers=headers, expected=expected, server=server)
            )

    def find_wrong(self, response: Any, *, first: bool) -> str | None:  # noqa: ANN401 - of any client library
        """What is wrong with an answer.

        Returns the kind of failure; None if nothing is wrong, or the very request was never approved.
        """
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
        """The approved answer to the request as it was sent last, redirects followed."""
        target = _target(sent)
        if target is None or sent.body:
            return None
        near = self._by_line.get((sent.method, target))
        if not near:
            return None
        headers = {name.lower(): value for name, value in sent.headers.items()}
        return next((one for one in near if _is_same(one.headers, headers)), None)


def _target(sent: Any) -> str | None:  # noqa: ANN401 - of any client library
    """Path and query as they were sent; None for clients that are not known."""
    if hasattr(sent, "path_url"):  # requests
        return str(sent.path_url)
    if hasattr(sent, "url_split"):  # geventhttpclient
        return str(sent.url_split.quoted_uri)
    return None


def _is_same(captured: Mapping[str, str], sent: Mapping[str, object]) -> bool:
    """Whether headers are those that were captured: what depends on them may be answered otherwise.

    A client may add some only on the way out, where they are captured but not known here.
    """
    told = ((name, value) for name, value in sent.items() if name not in CONNECTION_ONLY)
    return all(captured.get(name) == value for name, value in told) and all(
        name in sent for name in _CREDENTIALS if name in captured
    )


def _content(response: Any) -> bytes | None:  # noqa: ANN401 - of any client library
    """The body, if the client has read it: what a user streams is left to the user."""
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
