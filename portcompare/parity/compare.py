"""Comparing two answers: what must be alike, and how grave it is where it is not.

Not compared is what the server program decides and not the app: Date, Server, Via, Alt-Svc, Server-Timing,
the reason phrase, case and order of headers, and how connections are handled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.bodies import parse_json
from portcompare.parity.compare_headers import compare_headers, media_type
from portcompare.parity.compare_json import compare_json
from portcompare.parity.findings import Finding, make_finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.model import RequestSpec
    from portcompare.parity.answer import Answer


def compare_answers(case: RequestSpec, baseline: Answer, candidate: Answer) -> list[Finding]:
    """Find every way in which an answer is not what the baseline answers.

    Args:
        case: What was asked.
        baseline: The baseline's answer.
        candidate: The other answer.

    Returns:
        The findings; only the status where it differs, since the rest follows from it; never none where
        one of the two did not answer; empty if the answers are alike.
    """
    if baseline.status is None or baseline.status != candidate.status:
        return [make_finding("status", "", "value", "breaks", (_status(baseline), _status(candidate)))]
    return [*compare_headers(case, baseline, candidate), *_compare_bodies(case, baseline, candidate)]


def _status(answer: Answer) -> str:
    return f"no answer: {answer.error}" if answer.status is None else str(answer.status)


def _compare_bodies(case: RequestSpec, baseline: Answer, candidate: Answer) -> Iterator[Finding]:
    ours, theirs = baseline.content, candidate.content
    if case.method == "HEAD":
        yield from _compare_after_head(ours, theirs)
        return
    if ours == theirs:
        return
    one, other = _document(baseline), _document(candidate)
    texts = (ours.decode(errors="backslashreplace"), theirs.decode(errors="backslashreplace"))
    if one is not None and other is not None:
        try:
            found = list(compare_json(*one, *other))
        except RecursionError:  # too deep to be compared as what it is
            found = []
        yield from found or [make_finding("body", "", "value", "changes", texts)]
    elif not ours or not theirs:
        yield make_finding("body", "", "presence", "breaks" if ours else "changes", texts)
    elif one is not None:
        yield make_finding("body", "", "type", "breaks", texts)
    else:
        yield make_finding("body", "", "value", "changes", texts)


def _compare_after_head(ours: bytes, theirs: bytes) -> Iterator[Finding]:
    """What comes after the headers of a HEAD answer is the start of the next answer to whoever reads on."""
    if bool(ours) != bool(theirs):
        says = [f"{len(sent)} bytes after the headers" if sent else None for sent in (ours, theirs)]
        yield make_finding("body", "", "presence", "breaks" if theirs else "changes", (says[0], says[1]))


def _document(answer: Answer) -> tuple[object] | None:
    """An answer's JSON, alone in a tuple; None if it has none. A lone number is JSON only if it says so."""
    try:
        value = parse_json(answer.content)
    except ValueError:
        return None
    media = media_type(answer.header("content-type"))
    says_so = media == "application/json" or media.endswith("+json")
    return (value,) if says_so or isinstance(value, dict | list) else None
