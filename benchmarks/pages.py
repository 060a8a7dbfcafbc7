"""What does a visitor's browser wait for, by route pattern and deployment?

    .venv/bin/python -m benchmarks.pages FOLDER

Runs loadtests/pages.toml into the folder, unless it holds that run already, which takes 25 minutes, and
writes what it found into docs/pages.md.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import HERE, header, publish, row, run_plan, verdict
from portcompare.records.estimates import Estimate
from portcompare.records.pages import PageSummary
from portcompare.records.results import Results
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.units import duration, ratio

PLAN = HERE.parent / "loadtests" / "pages.toml"
PAGE = HERE.parent / "docs" / "pages.md"
SLOW_S, FAST_S, AS_FAST = 2.0, 0.2, 1.1


def main(folder: Path) -> None:
    """Measure and publish."""
    publish("pages", list(describe(run_plan(PLAN, folder))), page=PAGE)


def describe(results: Results) -> Iterator[str]:
    """The figures as Markdown."""
    pages = results.pages
    valid = "the run is valid" if results.valid else f"NOT VALID: {'; '.join(results.invalid_reasons)}"
    yield f"{pages.browser}, {len({one.block for one in pages.visits})} blocks; {valid}."
    yield ""
    yield from header(
        "page", "meanwhile", "load", "deployment", "LCP", "rating", "against the baseline", "time goes"
    )
    for one in pages.summaries:
        if one.arm == CONTROL:
            continue
        lcp = one.lcp
        users = f"{one.users} users" if one.users else "idle"
        shown = (_interval(lcp.median_s), lcp.rating) if lcp else ("none succeeded", "")
        yield row(one.page, users, one.kind, one.deployment, *shown, _against(results, one), one.bottleneck)
    yield ""
    yield from header("required", "found", "")
    yield from _judge(results)


def _judge(results: Results) -> Iterator[str]:
    idle = [one for one in results.pages.summaries if not one.users]
    slow = [_lcp_s(one) for one in idle if one.page == "slow" and one.lcp]
    fast = {(one.kind, one.arm): _lcp_s(one) for one in idle if one.page == "fast" and one.lcp}
    kept = {one.arm: _lcp_s(one) for one in idle if (one.page, one.kind) == ("cached", "warm") and one.lcp}
    least, most = min(slow), max(fast.values())
    yield row(f"LCP of the 2 s route at or above {SLOW_S:g} s", duration(least), verdict(met=least >= SLOW_S))
    yield row(f"LCP of the fast route under {FAST_S:g} s", duration(most), verdict(met=most < FAST_S))
    slowest = max(kept[arm] / fast["warm", arm] for arm in kept)
    yield row(
        "second load of the cached page as fast as the fast route (within a tenth)",
        ratio(slowest),
        verdict(met=slowest <= AS_FAST),
    )


def _lcp_s(one: PageSummary) -> float:
    assert one.lcp is not None
    assert one.lcp.median_s.point is not None
    return one.lcp.median_s.point


def _interval(estimate: Estimate) -> str:
    assert estimate.point is not None
    if estimate.low is None or estimate.high is None:
        return duration(estimate.point)
    return f"{duration(estimate.point)} ({duration(estimate.low)} to {duration(estimate.high)})"


def _against(results: Results, one: PageSummary) -> str:
    if one.arm == BASELINE:
        return "baseline"
    found = results.pages.lcp_against_baseline(one)
    if found is None:
        return "nothing to compare with"
    point, verdict = found.ratio.point, str(found.ratio.verdict)
    return verdict if point is None else f"{ratio(point)}, {verdict}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
