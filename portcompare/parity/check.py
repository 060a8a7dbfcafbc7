"""Asking all deployments everything, and judging their answers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from portcompare.model import BASELINE, Difference, Expectation, Parity, RequestSpec
from portcompare.parity.cases import identity
from portcompare.parity.compare import compare_answers
from portcompare.parity.send import ask, open_transport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from portcompare.parity.answer import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityOutcome:
    """What was found, and what every answer under load must look like.

    Attributes:
        parity: The record for the results.
        expectations: What the baseline answered, by the request without its name.
    """

    parity: Parity
    expectations: Mapping[RequestSpec, Expectation]

    def expectation(self, request: RequestSpec) -> Expectation | None:
        """What a scenario's answers must look like.

        Args:
            request: The scenario's request; its name does not matter.

        Returns:
            What the baseline answered to it; None if it was no case or was not answered.
        """
        return self.expectations.get(identity(request))


def check_parity(
    baseline_url: str,
    candidates: Mapping[str, str],
    cases: Sequence[RequestSpec],
    *,
    timeout_s: float = 30.0,
    on_case: Callable[[], None] | None = None,
) -> ParityOutcome:
    """Ask the baseline everything twice and every candidate once.

    All are asked a case at the same time, and the baseline again after them, so that what changes by itself
    shows in the baseline's own answers.

    Args:
        baseline_url: The baseline's address, `http://host:port`.
        candidates: The candidates' addresses by their deployments' names.
        cases: What is asked, in this order.
        timeout_s: How long an answer may take, in seconds.
        on_case: Called after each case, for progress.

    Returns:
        The differences, and what to expect under load. Nothing asked, or nobody to compare, is not equal.
    """
    differences: list[Difference] = []
    unstable: list[str] = []
    expectations: dict[RequestSpec, Expectation] = {}
    urls = (baseline_url, *candidates.values())
    with open_transport() as transport, ThreadPoolExecutor(len(urls)) as pool:
        for case in cases:
            ask_case = partial(ask, transport, case=case, timeout_s=timeout_s)
            first, *others = pool.map(ask_case, urls)
            again = ask_case(baseline_url)
            noise = compare_answers(case, BASELINE, first, again)
            differences += _judge(case, first, dict(zip(candidates, others, strict=True)), noise)
            unstable += [
                f"{case.name}: {each.pointer or each.kind}" for each in noise if each.kind != "status"
            ]
            if first.status is not None:
                expectations[identity(case)] = _expectation(first.status, first, noise)
            if on_case:
                on_case()
    parity = Parity(
        equal=bool(cases) and bool(candidates) and not differences,
        cases=len(cases),
        deployments=tuple(candidates),
        differences=tuple(differences),
        unstable=tuple(unstable),
    )
    return ParityOutcome(parity=parity, expectations=expectations)


def _judge(
    case: RequestSpec, baseline: Answer, candidates: Mapping[str, Answer], noise: list[Difference]
) -> list[Difference]:
    """The differences that count: in status always, elsewhere where the baseline agrees with itself."""
    found = [
        difference
        for name, candidate in candidates.items()
        for difference in compare_answers(case, name, baseline, candidate)
    ]
    wavering = {(each.kind, each.pointer) for each in noise if each.kind != "status"}
    contradictions = [each for each in noise if each.kind == "status"]
    return contradictions + [each for each in found if (each.kind, each.pointer) not in wavering]


def _expectation(status: int, answer: Answer, noise: list[Difference]) -> Expectation:
    checked = answer.portable_body == answer.body and all(each.kind != "body" for each in noise)
    return Expectation(status=status, body_base64=b64encode(answer.body).decode() if checked else None)
