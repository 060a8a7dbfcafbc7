"""Responses that do not end: their first part is read, and compared."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from time import monotonic
from typing import Final

from portcompare.http.responses import Response, ResponseParser, Stream
from portcompare.parity.compare import Noise, compare_responses
from portcompare.parity.findings import Finding, make_finding
from portcompare.records.parity import CaseCoverage
from portcompare.records.requests import RequestSpec

MOST_PARTS: Final = 3  # Events or lines
MOST_BYTES: Final = 1024  # Of what has neither
STREAM_LIMIT_S: Final = 1.0  # How long a stream that is known to be one is read

_EVENTS: Final = "text/event-stream"
_END_OF_EVENT: Final = re.compile(rb"(?:\r\n|\n|\r){2}")
_END_OF_LINE: Final = re.compile(rb"\n")


@dataclass(slots=True)
class StreamWatch:
    """Watches how a response comes in, and whether it is a stream."""

    parser: ResponseParser
    limit_s: float | None  # How long it is read after its headers; None for no limit
    began_s: float = field(default_factory=monotonic)
    deadline_s: float = float("inf")  # In seconds of `time.monotonic()`
    _first_byte_s: float | None = None
    _first_part_s: float | None = None

    @property
    def is_stream(self) -> bool:
        """Whether what has not ended may be a stream: its length is not given, and it has begun."""
        parser = self.parser
        if not parser.head_complete or parser.head_only or parser.header("content-length") is not None:
            return False
        return parser.has_body or (parser.header("content-type") or "").startswith(_EVENTS)

    @property
    def is_enough(self) -> bool:
        """Whether to read no further, though it has not ended."""
        return self.limit_s is not None and self._first_part_s is not None and self.is_stream

    def look(self) -> None:
        """Look at what was received."""
        now_s = monotonic()
        if self._first_byte_s is None and self.parser.has_body:
            self._first_byte_s = now_s - self.began_s
        if self._first_part_s is not None or not self.is_stream:
            return
        if self.limit_s is not None:
            self.deadline_s = min(self.deadline_s, now_s + self.limit_s)
        response = self.parser.response("")
        if len(_find_ends(response)) == _most_parts(response):
            self._first_part_s = now_s - self.began_s

    def response(self, server: str) -> Response:
        """The response as a stream."""
        stream = Stream(first_byte_s=self._first_byte_s, first_part_s=self._first_part_s)
        response = replace(self.parser.response(server), stream=stream)
        return _cut(response, _most_parts(response))


def align_streams(responses: Mapping[str, tuple[Response, ...]]) -> dict[str, tuple[Response, ...]]:
    """Cut the streams among the responses to a case to as much as was received of each.

    A stream that sends nothing, while another sends several parts in the same time, is no shorter stream but
    another one.
    """
    counts = [
        [len(_find_ends(each)) for each in received if each.stream is not None]
        for received in responses.values()
    ]
    has_several = any(number > 1 for numbers in counts for number in numbers)
    least = min((min(each) for each in counts if each and (any(each) or not has_several)), default=0)
    return {
        arm: tuple(_cut(each, least) if each.stream is not None else each for each in received)
        for arm, received in responses.items()
    }


def compare_streams(case: RequestSpec, ours: Response, theirs: Response, noise: Noise) -> list[Finding]:
    """As `compare_responses`; of two responses of which one does not end, only the first part."""
    if ours.status != theirs.status or (ours.stream is None) == (theirs.stream is None):
        return compare_responses(case, ours, theirs, noise)
    ends = ["(ends)" if each.stream is None else "(does not end)" for each in (ours, theirs)]
    least = min(len(_find_ends(each)) for each in (ours, theirs))
    return [
        make_finding("body", "", "presence", "breaks", ends),
        *compare_responses(case, _cut(ours, least), _cut(theirs, least), noise),
    ]


def mark_stream(coverage: CaseCoverage, baseline: Response) -> CaseCoverage:
    """The coverage of a case; of a stream, only the first part was compared."""
    if baseline.stream is None or coverage.compared == "not compared":
        return coverage
    parts = len(_find_ends(baseline))
    after = f" after its first {parts} {_unit(baseline)}" if parts else ", but for its headers"
    return replace(coverage, compared="in part", omitted=(*coverage.omitted, f"the stream{after}"))


def _unit(response: Response) -> str:
    if (response.header("content-type") or "").startswith(_EVENTS):
        return "events"
    return "lines" if b"\n" in response.body else "bytes"


def _most_parts(response: Response) -> int:
    return MOST_BYTES if _unit(response) == "bytes" else MOST_PARTS


def _find_ends(response: Response) -> list[int]:
    """Where the first parts of a body end; of one that is compressed, none is known."""
    if response.header("content-encoding"):
        return []
    unit = _unit(response)
    if unit == "bytes":
        return [*range(1, min(len(response.body), MOST_BYTES) + 1)]
    ends = (_END_OF_EVENT if unit == "events" else _END_OF_LINE).finditer(response.body)
    return [found.end() for found in islice(ends, MOST_PARTS)]


def _cut(response: Response, parts: int) -> Response:
    """A response with so many parts of its body."""
    ends = _find_ends(response)[:parts]
    return replace(response, body=response.body[: ends[-1] if ends else 0])
