"""A real run of the default plan, whose estimates were made by an implementation before this one."""

from __future__ import annotations

import gzip
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from portcompare.analyse import RunState, analyse
from portcompare.plan import Plan
from portcompare.records.results import Results

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
    state = RunState(started_at=run.started_at, duration_s=run.duration_s, partial=False)
    found = asdict(analyse(plan, run.manifest, run.rounds, run.pages.visits, run.parity, state=state))
    assert len(found["comparisons"]) == 80
    for field in ANALYSED:
        assert_same(found[field], asdict(run)[field], field)
