"""Responses under load, compared with those that parity approved."""

import base64
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from time import monotonic, thread_time
from typing import Any, ClassVar, Final

from portcompare.http.bodies import decode_body, without_address
from portcompare.http.documents import matches, read_tree
from portcompare.http.requests import FRAMING_HEADERS
from portcompare.http.trees import Tree
from portcompare.records.requests import Expectation
from portcompare.wire.protocol import WRONG_BODY, WRONG_STATUS, Captured

SPARSE: Final = 64
"""One response in so many is checked where checking each would cost too much."""


# Comparing rests for so many times the time it took, unless that was a moment: the generator needs its time.
_REST: Final = 100
_MOMENT_S: Final = 0.001


@dataclass(slots=True, kw_only=True)
class LooseBody:
    """A body whose bytes are not always the same: too costly to compare each time."""

    expected: Expectation
    server: str  # Host and port, which stand in responses where the approved body has a placeholder
    content: bytes = field(init=False)  # The approved body
    approved: Tree = field(init=False)  # And what it means
    rests_until_s: ClassVar[float] = 0.0  # Of all bodies, on the monotonic clock

    def __post_init__(self) -> None:
        self.content = base64.b64decode(self.expected.body_base64 or "")
        self.approved = (
            None if self.expected.format is None else read_tree(self.content, self.expected.format)
        )

    def matches(self, body: bytes) -> bool:
        """Whether a body is the approved one, as far as it is compared; true while the comparing rests."""
        if monotonic() < LooseBody.rests_until_s:
            return True
        began_s = thread_time()
        is_right = self._matches(body)
        took_s = thread_time() - began_s
        if is_right and took_s > _MOMENT_S:
            LooseBody.rests_until_s = monotonic() + _REST * took_s
        return is_right

    def _matches(self, body: bytes) -> bool:
        try:
            content = decode_body(body, self.expected.encoding)
        except ValueError:
            return False
        if self.expected.own_address:
            content = without_address(content, self.server)
        if content == self.content:
            return True
        return self.expected.format is not None and matches(self.expected, self.approved, content)


def exact_body(expected: Expectation) -> bytes | None:
    """The body that every response must have; None where responses are not compared byte by byte."""
    if expected.body_base64 is None or expected.format is not None or expected.own_address:
        return None
    return base64.b64decode(expected.body_base64)


CONNECTION_HEADERS: Final = FRAMING_HEADERS | {"host", "proxy-authorization"}
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
    body: LooseBody = field(init=False)

    def __post_init__(self) -> None:
        """Clients hand bodies over decoded, whatever they came in."""
        self.body = LooseBody(expected=replace(self.expected, encoding=""), server=self.server)

    def is_due(self, *, first: bool) -> bool:
        """Whether the body of the next response is to be compared."""
        if self.expected.body_base64 is None:
            return False
        self.responses += 1
        is_quick = not self.expected.masks and not self.expected.own_address
        return first or is_quick or self.responses % SPARSE == 1


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
        is_right = approved.body.matches(content)
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
