"""Asking all servers a case, and telling what their answers differ in from what differs by itself."""

from __future__ import annotations

import time
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from portcompare.parity.cases import identity
from portcompare.parity.compare import compare_answers, fits
from portcompare.parity.findings import Finding
from portcompare.parity.noise import Noise
from portcompare.parity.sending import Answer, AskedArm
from portcompare.parity.variants.urls import shape_of
from portcompare.records.parity import SEVERITIES, Difference, Parity
from portcompare.records.requests import Expectation, RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from portcompare.plan import Allowance


MOST_DIFFERENCES = 20
"""So many differences of one case and deployment are listed: an array in another order has one an element."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityOutcome:
    """What was found, and what every answer under load must look like."""

    parity: Parity  # The record for the results
    asked: Mapping[str, RequestSpec]  # Each case by its name, in the order in which they were asked
    # What each arm answered, by the request without its name
    expectations: Mapping[RequestSpec, Mapping[str, Expectation | None]]
    unused: tuple[str, ...] = ()  # Which of the plan's allowances no answer has needed, in words

    def expectation(self, request: RequestSpec, arm: str = BASELINE) -> Expectation | None:
        """What an arm's answers to a scenario's request must look like.

        Returns what it answered; None if that was no case, was not answered, or was answered with another
        status the second time.
        """
        known = self.expectations.get(identity(request), {})
        return known.get(arm, known.get(BASELINE))


def sum_up(
    asker: Asker,
    examined: Sequence[Examined],
    *,
    at_last: Sequence[Examined] = (),
    seeds: tuple[str, ...] = (),
) -> ParityOutcome:
    """Put together what all cases have shown."""
    listed, unlisted = _select(examined)
    parity = Parity(
        equal=bool(examined) and bool(asker.arms) and not any(each.counts for each in listed),
        cases=len(examined),
        deployments=asker.arms,
        differences=tuple(sort_differences(listed)),
        masked=tuple(place for one in examined for place in one.masked),
        seeds=seeds,
        warnings=(*_warn_of_logins(asker), *_warn_of_unlisted(unlisted)),
    )
    return ParityOutcome(
        parity=parity,
        asked={one.case.name: one.case for one in examined},
        expectations=_expect(examined, at_last),
        unused=tuple(_tell_unused(asker)),
    )


def _expect(
    examined: Iterable[Examined], at_last: Iterable[Examined]
) -> dict[RequestSpec, Mapping[str, Expectation | None]]:
    """What to expect under load; where an answer has changed with what others wrote, only its status."""
    expectations = {identity(one.case): one.expectations for one in examined}
    for one in at_last:
        before = expectations[identity(one.case)]
        expectations[identity(one.case)] = {
            arm: _what_stays(before.get(arm), later) for arm, later in one.expectations.items()
        }
    return expectations


def _what_stays(before: Expectation | None, later: Expectation | None) -> Expectation | None:
    if before is None or later is None or before.status != later.status:
        return None
    return later if before == later else only_status(later)


def only_status(expected: Expectation) -> Expectation:
    """What to expect of answers of which only the status is known beforehand."""
    return Expectation(status=expected.status, body_base64=None)


def sort_differences(differences: Iterable[Difference]) -> list[Difference]:
    """Put differences in the order in which they matter."""
    return sorted(differences, key=lambda each: (bool(each.allowed), SEVERITIES.index(each.severity)))


def place_of(each: Difference) -> tuple[str, str, str, str]:
    """What makes a difference the same in another check, where the servers' addresses are others."""
    return each.case, each.deployment, each.kind, each.pointer


def _select(examined: Iterable[Examined]) -> tuple[list[Difference], Counter[tuple[str, str]]]:
    """What is listed, and how much more there is of each case and deployment."""
    listed: list[Difference] = []
    seen: Counter[tuple[str, str]] = Counter()
    for one in examined:
        for each in sort_differences(one.differences):
            seen[each.case, each.deployment] += 1
            if seen[each.case, each.deployment] <= MOST_DIFFERENCES:
                listed.append(each)
    return listed, Counter({key: n - MOST_DIFFERENCES for key, n in seen.items() if n > MOST_DIFFERENCES})


def _warn_of_logins(asker: Asker) -> Iterator[str]:
    """What fails at the baseline is wrong in the plan, and all behind it seems to differ for that alone."""
    for said in asker.failed_logins:
        yield (
            f"nobody can log in to the baseline, so nothing behind that was compared: {said}; correct the "
            "scenario's login in the plan"
        )


def _warn_of_unlisted(unlisted: Counter[tuple[str, str]]) -> Iterator[str]:
    for (case, deployment), number in unlisted.items():
        yield f"{case} at {deployment}: {number} more differences are not listed"


def _tell_unused(asker: Asker) -> Iterator[str]:
    for one in asker.unused_allowances:
        yield (
            f"parity.allow {one.reason!r} (case {one.case!r}, deployment {one.deployment!r}, "
            f"kind {one.kind!r}, pointer {one.pointer!r}) allows what no answer shows: remove it, "
            "or correct its patterns"
        )


Answers = Mapping[str, tuple[Answer, ...]]
"""The answers of each arm to one case, in the order in which it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A finding that counts."""

    arm: str  # Whose answer differs
    finding: Finding  # In what
    again: bool  # False if the first answer shows it, True if only a later one does


def find_noise(case: RequestSpec, answers: Answers) -> Noise:
    """Find what differs by itself: among the baseline's answers, or between them and the control's."""
    baseline = answers[BASELINE]
    pairs = [(baseline[0], other) for other in baseline[1:]]
    pairs += zip(baseline, answers.get(CONTROL, ()), strict=False)
    return Noise.of(finding for one, other in pairs for finding in compare_answers(case, one, other))


def judge(case: RequestSpec, answers: Answers, noise: Noise) -> Iterator[Judged]:
    """Find where servers differ from the baseline in what does not differ by itself."""
    control = answers.get(CONTROL)
    for arm, candidate in answers.items():
        told: set[object] = set()
        for turn, (ours, theirs) in enumerate(zip(answers[BASELINE], candidate, strict=True)):
            if arm == BASELINE and ours.status is not None:
                continue
            like_control = control is not None and arm != CONTROL and theirs.status == control[turn].status
            for finding in compare_answers(case, ours, theirs):
                excused = finding.kind == "status" and like_control and theirs.status is not None
                if finding.place not in told and not excused and not noise.hides(finding):
                    told.add(finding.place)
                    yield Judged(arm=arm, finding=finding, again=turn > 0)


def expect(case: RequestSpec, answers: tuple[Answer, ...], noise: Noise) -> Expectation | None:
    """What every answer of a server to a case must look like under load.

    It is held to its own answers, which are what the baseline answers but for what the plan allows.

    Returns what it answered; None if it did not, or not always with one status.
    """
    first, *others = answers
    if first.status is None or any(other.status != first.status for other in others):
        return None
    pointers = noise.masks()
    if case.method == "HEAD":
        is_checked = not first.body
    else:
        is_checked = pointers is not None and not (pointers and first.header("content-encoding"))
    return Expectation(
        status=first.status,
        body_base64=b64encode(first.portable_body).decode() if is_checked else None,
        masked=pointers or () if is_checked else (),
        own_address=is_checked and first.portable_body != first.body,
    )


TICK_S = 1.05
"""Clocks in cookies, tokens and bodies tick every second, as a rule: after this time they show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What one case has shown."""

    case: RequestSpec  # What was asked
    differences: tuple[Difference, ...]  # What is not masked; what the plan allows has its reason
    masked: tuple[str, ...]  # What was not compared, because it differs by itself
    # What to expect of each arm under load; None where it did not answer, or not always with one status
    expectations: Mapping[str, Expectation | None]


class Asker:
    """Asks one set of running servers; a context manager."""

    def __init__(
        self,
        baseline_url: str,
        others: Mapping[str, str],
        *,
        timeout_s: float = 30.0,
        allow: Sequence[Allowance] = (),
        tick_s: float = TICK_S,
    ) -> None:
        """Know the servers.

        `timeout_s`: how long an answer may take, in seconds.
        `tick_s`: how long to wait before a value that differs is asked for again, in seconds.
        """
        self.arms = tuple(others)  # The names of those compared with the baseline
        self._servers = {
            name: AskedArm(url, timeout_s) for name, url in {BASELINE: baseline_url, **others}.items()
        }
        self._allow = allow
        self._used: set[int] = set()
        self._tick_s = tick_s
        self._sure: set[tuple[str, ...]] = set()
        self._pool = ThreadPoolExecutor(len(self._servers))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After an error or Ctrl-C nobody waits for a route that hangs: its server is about to be stopped.
        self._pool.shutdown(wait=kind is None, cancel_futures=True)

    @property
    def unused_allowances(self) -> tuple[Allowance, ...]:
        """What the plan allows and nothing has shown so far."""
        return tuple(each for place, each in enumerate(self._allow) if place not in self._used)

    @property
    def failed_logins(self) -> tuple[str, ...]:
        """Which step failed of each login that did at the baseline, and why."""
        return self._servers[BASELINE].failed_logins

    def ask(self, case: RequestSpec) -> tuple[Difference, ...]:
        """Ask all servers a case."""
        return self.examine(case).differences

    def examine(self, case: RequestSpec) -> Examined:
        """Ask all servers a case, each twice in a row and all at the same time.

        First answers are compared with first answers, and second ones with second ones, so that all have been
        asked the same before. What differs between baseline and control, or among the baseline's answers,
        differs by itself and is masked; a status never is.

        A clock that ticks between the answers of two servers looks like a difference. So where values differ,
        all are asked twice more when every clock has ticked: once for each place of a route that differs.
        """
        answers = self._ask_all(case)
        noise = find_noise(case, answers)
        found = list(judge(case, answers, noise))
        if any(each.finding.aspect == "value" and not self._is_sure(case, each) for each in found):
            time.sleep(self._tick_s)
            later = self._ask_all(case)
            answers = {arm: (*answers[arm], *later[arm]) for arm in answers}
            noise = find_noise(case, answers)
            found = list(judge(case, answers, noise))
            self._sure |= {_place(case, each) for each in found}
        return Examined(
            case=case,
            differences=tuple(self._difference(case, each) for each in found),
            masked=tuple(noise.told(case)),
            expectations={arm: expect(case, replies, noise) for arm, replies in answers.items()},
        )

    def _is_sure(self, case: RequestSpec, each: Judged) -> bool:
        return each.finding.kind == "status" or _place(case, each) in self._sure

    def _ask_all(self, case: RequestSpec) -> Answers:
        asked = self._pool.map(lambda server: server.ask_twice(case), self._servers.values())
        return dict(zip(self._servers, asked, strict=True))

    def _difference(self, case: RequestSpec, judged: Judged) -> Difference:
        finding = judged.finding
        lines = [self._servers[name].curl(case) for name in (BASELINE, judged.arm)]
        if judged.again:
            lines = [f"{line} > /dev/null; {line}" for line in lines]
        lead = "asked again: " if judged.again else ""
        difference = Difference(
            case=case.name,
            deployment=judged.arm,
            kind=finding.kind,
            pointer=finding.pointer,
            severity=finding.severity,
            baseline=lead + finding.baseline,
            candidate=lead + finding.candidate,
            curl_baseline=lines[0],
            curl_candidate=lines[1],
        )
        for place, allowance in enumerate(self._allow):
            if _matches(allowance, difference):
                self._used.add(place)
                return replace(difference, allowed=allowance.reason)
        return difference


def _place(case: RequestSpec, judged: Judged) -> tuple[str, ...]:
    """What a difference has in common with the same one in another case of the route."""
    path = shape_of(case.target.partition("?")[0])
    return judged.arm, case.method, path, judged.finding.kind, judged.finding.pointer


def _matches(allowance: Allowance, difference: Difference) -> bool:
    names = "case", "deployment", "kind", "pointer"
    return all(fits(getattr(allowance, name), getattr(difference, name)) for name in names)


if TYPE_CHECKING:
    ServeAfresh = Callable[[frozenset[str]], AbstractContextManager[Asker]]

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1), among those that applications have."""

MOST_STARTS = 10
"""A start of all servers takes seconds."""


def ask_alone(outcome: ParityOutcome, arms: frozenset[str], serve_afresh: ServeAfresh) -> Parity:
    """Find out which differences come from what was asked before.

    Cases that only read are asked on one start of the servers, since none leaves anything to the next; each
    of the others has a start of its own.
    """
    parity = outcome.parity
    differing: defaultdict[str, set[str]] = defaultdict(set)
    for each in parity.differences:
        if each.counts and each.deployment in arms - {BASELINE, CONTROL}:
            differing[each.case].add(each.deployment)
    reading = [name for name in differing if outcome.asked[name].method in READING]
    starts = [reading] * bool(reading) + [[name] for name in differing if name not in reading]
    alone: set[tuple[str, str, str, str]] = set()
    for names in starts[:MOST_STARTS]:
        with serve_afresh(frozenset().union(*(differing[name] for name in names))) as asker:
            alone |= {place_of(each) for name in names for each in asker.ask(outcome.asked[name])}
    asked = {name for names in starts[:MOST_STARTS] for name in names}
    return replace(
        parity,
        differences=tuple(
            replace(each, from_order=True)
            if each.case in asked and each.deployment in differing[each.case] and place_of(each) not in alone
            else each
            for each in parity.differences
        ),
        warnings=(*parity.warnings, *_tell_unknown(len(differing) - len(asked))),
    )


def _tell_unknown(cases: int) -> Iterable[str]:
    if cases:
        yield (
            f"of the cases that differ, {cases} were not asked again on fresh servers: whether that comes "
            "from what was asked before is not known"
        )


def combine_parity(before: Parity, after: Parity) -> Parity:
    """Combine two checks of the same cases."""
    differences = {place_of(each): each for each in (*before.differences, *after.differences)}
    return replace(
        before,
        equal=before.equal and after.equal,
        differences=tuple(sort_differences(differences.values())),
        masked=tuple(dict.fromkeys((*before.masked, *after.masked))),
        warnings=tuple(dict.fromkeys((*before.warnings, *after.warnings))),
    )
