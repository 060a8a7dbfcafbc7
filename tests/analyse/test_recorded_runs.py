"""Real runs of the default plan, on two CPUs: what was recorded of them is analysed as it was then."""

import gzip
import json
from dataclasses import asdict, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from portcompare.analyse import Measured, analyse
from portcompare.analyse.comparisons import compare, find_undecided
from portcompare.analyse.conclusions import find_headline, find_holding, headline_family
from portcompare.analyse.validity import find_invalid_reasons
from portcompare.plan import Plan
from portcompare.records.estimates import Comparison
from portcompare.records.results import Results
from portcompare.records.rounds import CONTROL, Round
from tests.altered import altered
from tests.analyse.samples import LATENCY, MARGINS, PARITY, ROUND, in_users

FIXTURES = Path(__file__).parent / "fixtures"
RUNS = ["calm", "busy"]


@cache
def rounds_of_run(name: str) -> tuple[Round, ...]:
    data = json.loads((FIXTURES / f"{name}.json").read_text())
    return tuple(_round(**dict(zip(data["columns"], row, strict=True))) for row in data["rounds"])


@cache
def comparisons_of_run(name: str) -> tuple[Comparison, ...]:
    return compare(rounds_of_run(name), MARGINS)


def _round(*, arm: str, p50_s: float, p95_s: float, p99_s: float, **others: Any) -> Round:  # noqa: ANN401
    latency_s = replace(LATENCY, p50=p50_s, p95=p95_s, p99=p99_s)
    return altered(ROUND, arm=arm, deployment=arm, latency_s=latency_s, **others)


@pytest.mark.parametrize("name", RUNS)
def test_the_control_is_never_called_another(name: str) -> None:
    control = [one for one in comparisons_of_run(name) if one.candidate == CONTROL]
    assert len(control) == 20
    assert {one.ratio.verdict for one in control} <= {"equivalent", "inconclusive"}
    assert list(find_invalid_reasons(rounds_of_run(name), control, MARGINS, PARITY, in_users)) == []


@pytest.mark.parametrize("name", RUNS)
def test_sixty_four_users_who_wait_are_served_eight_times_as_many_by_an_event_loop(name: str) -> None:
    gains = [
        one
        for one in comparisons_of_run(name)
        if (one.scenario, one.level, one.metric) == ("delayed", 64, "throughput") and one.candidate != CONTROL
    ]
    assert len(gains) == 3
    for one in gains:
        assert one.ratio.verdict == "faster"
        assert one.ratio.point == pytest.approx(8, rel=0.2)


@pytest.mark.parametrize("name", RUNS)
def test_the_headline_names_what_both_runs_have_in_common(name: str) -> None:
    comparisons = comparisons_of_run(name)
    family = headline_family(comparisons)
    assert len(family) == 24
    assert len(find_holding(family, MARGINS)) == 17
    named = find_headline(comparisons, MARGINS, in_users, ()).split(": ", 1)[1]
    assert "quart-hypercorn is faster (delayed, 64 users) and slower (fast, " in named
    assert "quart-uvicorn is faster (fast, " in named
    assert "gevent is faster (fast, 32 users: p50 alone; fast, 1 user; delayed, 64 users)" in named


@pytest.mark.parametrize("name", RUNS)
def test_a_noisy_level_goes_on_and_a_still_one_is_done(name: str) -> None:
    undecided = set(find_undecided(comparisons_of_run(name), 0.05, is_early=False))
    assert {("fast", 1), ("fast", 32)} <= undecided
    assert ("delayed", 1) not in undecided


RUN = Path(__file__).parent / "fixtures" / "run.json.gz"
ANALYSED = (
    "comparisons",
    "summaries",
    "conclusions",
    "sweeps",
    "headline",
    "warnings",
    "valid",
    "measured_s",
)


def assert_same(found: Any, expected: Any, place: str) -> None:  # noqa: ANN401 - whatever JSON holds
    """Numbers are the same if they differ in their last digits alone: sums may be in another order."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for key, value in expected.items():
            assert_same(found[key], value, f"{place}.{key}")
    elif isinstance(expected, list | tuple):
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(one, other, f"{place}[{number}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9), place
    else:
        assert found == expected, place


def test_a_recorded_run_is_analysed_to_the_same_estimates() -> None:
    run = TypeAdapter(Results).validate_json(gzip.decompress(RUN.read_bytes()))
    plan = Plan.model_validate(run.plan | {"path": Path("plan.toml")}, strict=False)
    started_at = datetime.fromisoformat(run.started_at)
    measured = Measured(plan=plan, manifest=run.manifest, started_at=started_at, parity=run.parity)
    measured.rounds += run.rounds
    found = asdict(analyse(measured, duration_s=run.duration_s, partial=False))
    assert len(found["comparisons"]) == 80
    for field in ANALYSED:
        assert_same(found[field], asdict(run)[field], field)
