"""Real runs of the default plan, on two CPUs: what was recorded of one is analysed as it was then."""

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
from portcompare.plan import Plan
from portcompare.plan.types import Origins
from portcompare.records.results import Results
from portcompare.records.rounds import Round
from tests.altered import altered
from tests.analyse.samples import LATENCY, ROUND

FIXTURES = Path(__file__).parent / "fixtures"


@cache
def recorded_rounds() -> tuple[Round, ...]:
    data = json.loads((FIXTURES / "calm.json").read_text())
    return tuple(_round(**dict(zip(data["columns"], row, strict=True))) for row in data["rounds"])


def _round(*, arm: str, p50_s: float, p95_s: float, p99_s: float, **others: Any) -> Round:  # noqa: ANN401
    latency_s = replace(LATENCY, p50=p50_s, p95=p95_s, p99=p99_s)
    return altered(ROUND, arm=arm, deployment=arm, latency_s=latency_s, **others)


RUN = FIXTURES / "run.json.gz"
SENTENCES = ("conclusions", "headline", "evidence", "warnings")
ANALYSED = ("comparisons", "summaries", "sweeps", "valid", "measured_s", *SENTENCES)


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
    plan = Plan.model_validate(run.plan | {"origins": Origins(plan=Path("plan.toml"))}, strict=False)
    started_at = datetime.fromisoformat(run.started_at)
    measured = Measured(plan=plan, manifest=run.manifest, started_at=started_at, parity=run.parity)
    measured.rounds += run.rounds
    found = asdict(analyse(measured, duration_s=run.duration_s, partial=False))
    assert len(found["comparisons"]) == 80
    for field in ANALYSED:
        assert_same(found[field], asdict(run)[field], field)
