"""Comparing two answers: what must be alike, and how a difference is told.

Not compared is what the server program decides and not the app: Date, Server, Server-Timing, the reason
phrase, case and order of headers, and how connections are handled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.model import Difference
from portcompare.parity.excerpt import excerpts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.model import RequestSpec
    from portcompare.parity.answer import Answer

    # Where the answers differ (a header's name, or nothing for the body), and what each says there.
    Finding = tuple[str, tuple[str, str]]

_BY_VALUE = (
    "Content-Type",
    "Location",
    "Set-Cookie",
    "Cache-Control",
    "ETag",
    "Content-Encoding",
    "WWW-Authenticate",
)
# Frameworks keep these in sets, whose order changes with the hash seed of the process.
_AS_SET = ("Allow", "Vary")
_CORS_PREFIX = "access-control-"
_ABSENT = "(absent)"


def compare_answers(
    case: RequestSpec, deployment: str, baseline: Answer, candidate: Answer
) -> list[Difference]:
    """Find every way in which an answer is not what the baseline answers.

    Args:
        case: What was asked.
        deployment: Who answers otherwise.
        baseline: The baseline's answer.
        candidate: The other answer.

    Returns:
        The differences; only the status where it differs, since the rest follows from it; never none where
        one of the two did not answer; empty if the answers are alike.
    """
    if baseline.status is None or baseline.status != candidate.status:
        status = Difference(
            case=case.name,
            deployment=deployment,
            kind="status",
            pointer="",
            baseline=_status(baseline),
            candidate=_status(candidate),
        )
        return [status]
    return [
        Difference(
            case=case.name,
            deployment=deployment,
            kind="header" if pointer else "body",
            pointer=pointer,
            baseline=baseline_says,
            candidate=candidate_says,
        )
        for pointer, (baseline_says, candidate_says) in (
            *_headers(case, baseline, candidate),
            *_body(baseline, candidate),
        )
    ]


def _status(answer: Answer) -> str:
    return f"no answer: {answer.error}" if answer.status is None else str(answer.status)


def _headers(case: RequestSpec, baseline: Answer, candidate: Answer) -> Iterator[Finding]:
    for name in (*_BY_VALUE, *_cors_headers(baseline, candidate), *_AS_SET):
        ours, theirs = baseline.header(name.lower()), candidate.header(name.lower())
        alike = _as_set(ours) == _as_set(theirs) if name in _AS_SET else ours == theirs
        if not alike:
            yield name, _show(ours, theirs)
    # The body implies its length, except for HEAD, which has none; and not every server tells it then.
    ours, theirs = baseline.header("content-length"), candidate.header("content-length")
    if case.method == "HEAD" and None not in (ours, theirs) and ours != theirs:
        yield "Content-Length", _show(ours, theirs)


def _cors_headers(baseline: Answer, candidate: Answer) -> list[str]:
    """The names of the CORS headers that either answer has, as they are usually written."""
    names = {name for name, _ in baseline.headers + candidate.headers}
    return sorted(name.title() for name in names if name.startswith(_CORS_PREFIX))


def _as_set(value: str | None) -> frozenset[str] | None:
    if value is None:
        return None
    return frozenset(part.strip().lower() for part in value.split(",")) - {""}


def _show(ours: str | None, theirs: str | None) -> tuple[str, str]:
    return excerpts(_ABSENT if ours is None else ours, _ABSENT if theirs is None else theirs)


def _body(baseline: Answer, candidate: Answer) -> Iterator[Finding]:
    ours, theirs = baseline.portable_body, candidate.portable_body
    if ours != theirs:
        yield (
            "",
            excerpts(ours.decode(errors="backslashreplace"), theirs.decode(errors="backslashreplace")),
        )
