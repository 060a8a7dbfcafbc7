from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks import claims, pages
from portcompare.records.estimates import Estimate
from portcompare.records.pages import LoadKind, Pages, PageSummary
from portcompare.records.results import ClaimResult
from tests.report.test_checks import VALUE
from tests.report.test_pages import COMPARISON, LCP, SUMMARY


def summary(page: str, kind: LoadKind, arm: str, lcp_s: float) -> PageSummary:
    lcp = replace(LCP, median_s=Estimate(point=lcp_s), p75_s=lcp_s, rating="good")
    return replace(SUMMARY, page=page, users=0, kind=kind, arm=arm, deployment=arm, figures=(lcp,))


def run(slow_s: float, fast_s: float, kept_s: float) -> Any:  # noqa: ANN401 - results with what is read of them
    lcps_s: dict[tuple[str, LoadKind], float] = {
        ("slow", "cold"): slow_s,
        ("fast", "cold"): fast_s,
        ("fast", "warm"): fast_s,
        ("cached", "warm"): kept_s,
    }
    ratio = Estimate(point=1.0, low=1.0, high=1.0, blocks=6, verdict="equivalent")
    arms = ("baseline", "control", "new")
    made = Pages(
        browser="Chromium 1",
        summaries=tuple(summary(*of, arm, lcp_s) for of, lcp_s in lcps_s.items() for arm in arms),
        comparisons=tuple(
            replace(COMPARISON, page=page, users=0, kind=kind, ratio=ratio) for page, kind in lcps_s
        ),
    )
    return SimpleNamespace(pages=made, valid=True, invalid_reasons=())


@pytest.mark.parametrize(
    ("slow_s", "fast_s", "kept_s", "expected"),
    [(2.05, 0.1, 0.1, ["met"] * 3), (1.9, 0.3, 0.4, ["**missed**"] * 3)],
)
def test_the_patterns_are_judged_by_what_a_visitor_waits_for(
    slow_s: float, fast_s: float, kept_s: float, expected: list[str]
) -> None:
    lines = list(pages.describe(run(slow_s, fast_s, kept_s)))
    assert [line.split("|")[-2].strip() for line in lines[-3:]] == expected
    assert "| fast | idle | warm | new |" in "\n".join(lines)
    assert "control" not in "\n".join(lines)


def test_claims_are_published_with_their_checks_and_the_versions() -> None:
    check = replace(VALUE, value=Estimate(blocks=5), outcome="not judged")
    result = ClaimResult(name="it", text="It is so.", verdict="cannot tell", reason="", checks=(check,))
    manifest = SimpleNamespace(deployments=(SimpleNamespace(name="old", versions={"Flask": "2.3.3"}),))
    results = SimpleNamespace(
        rounds=(), valid=False, invalid_reasons=("too noisy",), claims=(result,), manifest=manifest
    )
    text = "\n".join(claims.describe(cast("Any", results)))
    assert "NOT VALID: too noisy. old: Flask 2.3.3." in text
    assert "| It is so. | cannot tell |" in text
    assert "| it | one user | p50 | slow at 1 on baseline |  | not known | at most 10.0 ms |" in text
