"""Comparing two responses: what must be alike, but for what differs by itself."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from os.path import commonprefix
from typing import Final

from portcompare.http.bodies import ANY_SERVER
from portcompare.http.documents import detect_format, matches, read_tree
from portcompare.http.responses import Response
from portcompare.http.shapes import Aspect
from portcompare.parity.bodies import (
    ALWAYS_ALIKE,
    MOST_MASKED_RATIO,
    BodyCoverage,
    BodyNoise,
    compare_bodies,
    decode,
    find_coverage,
    learn_bodies,
)
from portcompare.parity.cases import SAFE_METHODS
from portcompare.parity.findings import ABSENT, Finding, make_finding
from portcompare.parity.headers import compare_cookies, compare_headers
from portcompare.records.parity import CaseCoverage, Compared
from portcompare.records.requests import Expectation, RequestSpec

# Where one of these differs by itself, those after it cannot be compared either.
_ASPECTS: Final[tuple[Aspect, ...]] = ("presence", "type", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What differs by itself in the responses to one case."""

    headers: frozenset[tuple[str, Aspect]] = frozenset()  # Pointers to headers, and what of them differs
    bodies: Mapping[int, BodyNoise] = field(default_factory=dict)  # By status
    # Whether the bodies of a path differ, so that what follows from its bytes shows nothing
    body_differs: bool = False
    drawn_cookies: str | None = None  # How pointers to cookies begin whose names are drawn at random

    def hides(self, finding: Finding) -> bool:
        """Whether a finding is no difference, as the same header, or the cookie of an attribute, is noise."""
        cookie = finding.pointer.rpartition("; ")[0]
        hiding = _ASPECTS[: _ASPECTS.index(finding.aspect) + 1]
        is_drawn = (
            self.drawn_cookies is not None
            and finding.pointer.startswith(self.drawn_cookies)
            and finding.baseline == ABSENT
            and finding.aspect == "presence"
            and not cookie
        )
        return finding.kind == "header" and (
            is_drawn
            or (cookie, "presence") in self.headers
            or any((finding.pointer, by) in self.headers for by in hiding)
        )


def find_noise(
    case: RequestSpec,
    baseline: Sequence[Response],
    control: Sequence[Response],
    *,
    body_differs: bool = False,
) -> Noise:
    """Find what differs among the baseline's responses, or between them and the control's.

    `body_differs`: as in `Noise`.
    """
    pairs = [(baseline[0], other) for other in baseline[1:]]
    pairs += zip(baseline, control, strict=False)
    headers = {
        (each.pointer, each.aspect)
        for one, other in pairs
        for each in compare_responses(case, one, other, Noise(body_differs=body_differs))
        if each.kind == "header"
    }
    by_status: dict[int, list[Response]] = {}
    for response in (*baseline, *control):
        if response.status is not None and case.method != "HEAD":
            by_status.setdefault(response.status, []).append(response)
    # A status that only the control has is the baseline's contradiction to itself, and nothing to learn from.
    bodies = {
        status: learn_bodies(responses)
        for status, responses in by_status.items()
        if any(response.status == status for response in baseline)
    }
    cookies = [name for name, by in headers if name.startswith("Set-Cookie: ") and by == "presence"]
    cookies = [name for name in cookies if ";" not in name]
    return Noise(
        headers=frozenset(headers),
        bodies=bodies,
        body_differs=body_differs,
        # Of characters, not of folders
        drawn_cookies=commonprefix(cookies) if len(cookies) >= LEAST_DRAWN else None,  # noqa: RUF071
    )


NO_NOISE: Final = Noise()

# Two responses show a name drawn at random twice; so many names are no cookie that is set now and then.
LEAST_DRAWN: Final = 3


def compare_responses(
    case: RequestSpec, baseline: Response, candidate: Response, noise: Noise = NO_NOISE
) -> list[Finding]:
    """Find all differences from the baseline's response but noise; where the status differs, only that."""
    if baseline.status is None or baseline.status != candidate.status:
        return [make_finding("status", "", "value", "breaks", (_status(baseline), _status(candidate)))]
    body_differs = noise.body_differs or baseline.portable_body != candidate.portable_body
    found = [
        *compare_headers(case, baseline, candidate, body_differs=body_differs),
        *compare_cookies(baseline.lines("set-cookie"), candidate.lines("set-cookie")),
        *compare_bodies(case, baseline, candidate, noise.bodies.get(baseline.status, ALWAYS_ALIKE)),
    ]
    return [each for each in found if not noise.hides(each)]


def _status(response: Response) -> str:
    return f"no response: {response.error}" if response.status is None else str(response.status)


def cover(
    case: RequestSpec, baseline: Sequence[Response], control: Sequence[Response], noise: Noise
) -> CaseCoverage:
    """How much of the responses to a case is compared: nothing where the baseline contradicts itself."""
    received = {response.status: response for response in reversed(baseline)}
    statuses = [response.status for response in baseline]
    reasons = [f"the baseline sent no response: {received[None].error}"] if None in received else []
    for pair in zip(baseline, control, strict=False):
        found = [
            f"{each.status or each.error}{' without an end' if each.stream is not None else ''}"
            for each in pair
        ]
        if found[0] != found[1]:
            reasons.append(f"two instances of the baseline respond differently: {' and '.join(found)}")
    if fails_now_and_then(case, statuses):
        various = " and ".join(map(str, dict.fromkeys(statuses)))
        reasons.append(f"the baseline responds with {various} to the same request")
    bodies = [
        find_coverage(response, noise.bodies.get(status or 0, ALWAYS_ALIKE))
        for status, response in received.items()
        if case.method != "HEAD" and not reasons
    ]
    worst = max(bodies, key=lambda each: each.masked_ratio, default=BodyCoverage())
    drawn = noise.drawn_cookies
    headers = {pointer for pointer, _ in noise.headers if drawn is None or not pointer.startswith(drawn)}
    headers |= {f"{drawn}*"} if drawn is not None else set()
    omitted = tuple(dict.fromkeys((*(place for each in bodies for place in each.omitted), *sorted(headers))))
    compared: Compared = "in part" if omitted else "in full"
    if reasons or worst.masked_ratio > MOST_MASKED_RATIO:
        compared = "not compared"
    return CaseCoverage(
        case=case.name,
        status=baseline[0].status,
        compared=compared,
        omitted=() if reasons else omitted,
        reason=reasons[0] if reasons else worst.reason,
    )


def fails_now_and_then(case: RequestSpec, statuses: Sequence[int | None]) -> bool:
    """Whether responses to the same reading request are server errors now and then."""
    errors = {bool(status and status >= HTTPStatus.INTERNAL_SERVER_ERROR) for status in statuses}
    return case.method in SAFE_METHODS and len(errors) > 1


def expect(case: RequestSpec, received: Sequence[Response], noise: Noise) -> Expectation | None:
    """What a server's responses to a case must be under load; None if it has no response of one status."""
    first = received[0]
    if first.status is None or any(other.status != first.status for other in received):
        return None
    if case.method == "HEAD":
        return Expectation(status=first.status, body_base64=None if first.body else "")
    known = learn_bodies(received, noise.bodies.get(first.status, ALWAYS_ALIKE))
    content, flaw = decode(first)
    form, encoding = known.format, "" if flaw else first.header("content-encoding") or ""
    if form is not None and form.name == "binary":  # of bytes that differ, nothing is left to compare
        return Expectation(status=first.status, body_base64=None)
    if form is None and encoding:  # the bytes of an encoding differ with the time in it
        form = detect_format(content, first.header("content-type"))
    return Expectation(
        status=first.status,
        body_base64=b64encode(content if form is not None else first.portable_body).decode(),
        own_address=ANY_SERVER in content,
        encoding=encoding,
        format=form,
        masks=known.masks,
    )


def only_status(expected: Expectation) -> Expectation:
    """An expectation of the status alone."""
    return Expectation(status=expected.status, body_base64=None)


def agree(before: Expectation, after: Expectation) -> bool:
    """Whether two expectations of one status expect the same body, but for what differs by itself."""
    if before.format is None or before.format != after.format:
        return before == after
    contents = [b64decode(each.body_base64 or "") for each in (before, after)]
    return matches(before, read_tree(contents[0], before.format), contents[1])
