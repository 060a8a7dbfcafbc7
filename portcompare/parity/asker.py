"""Asking all servers a case, and telling what their answers differ in from what differs by itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from portcompare.differences import Difference
from portcompare.model import BASELINE, Expectation, RequestSpec
from portcompare.parity.arms import AskedArm
from portcompare.parity.judging import expect, find_noise, judge
from portcompare.parity.variants.paths import shape_of
from portcompare.parity.wildcards import fits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from portcompare.parity.judging import Answers, Judged
    from portcompare.plan import Allowance

TICK_S = 1.05
"""Clocks in cookies, tokens and bodies tick every second, as a rule: after this time they show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What one case has shown.

    Attributes:
        case: What was asked.
        differences: What is not masked; what the plan allows has its reason.
        masked: What was not compared, because it differs by itself.
        expectations: What to expect of each arm under load; None where it did not answer, or not always with
            one status.
    """

    case: RequestSpec
    differences: tuple[Difference, ...]
    masked: tuple[str, ...]
    expectations: Mapping[str, Expectation | None]


class Asker:
    """Asks one set of running servers; a context manager.

    Attributes:
        arms: The names of those compared with the baseline.
    """

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

        Args:
            baseline_url: The baseline's address, `http://host:port`.
            others: The addresses of those compared with it by the names of their arms, the control's too.
            timeout_s: How long an answer may take, in seconds.
            allow: The differences that are meant to be.
            tick_s: How long to wait before a value that differs is asked for again, in seconds.
        """
        self.arms = tuple(others)
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
        """Ask all servers a case.

        Args:
            case: What is asked.

        Returns:
            In what they differ from the baseline, what is allowed too.
        """
        return self.examine(case).differences

    def examine(self, case: RequestSpec) -> Examined:
        """Ask all servers a case, each twice in a row and all at the same time.

        First answers are compared with first answers, and second ones with second ones, so that all have been
        asked the same before. What differs between baseline and control, or among the baseline's answers,
        differs by itself and is masked; a status never is.

        A clock that ticks between the answers of two servers looks like a difference. So where values differ,
        all are asked twice more when every clock has ticked: once for each place of a route that differs.

        Args:
            case: What is asked.

        Returns:
            What it has shown.
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
