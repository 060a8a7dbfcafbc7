"""A real run of the default plan, whose estimates were made by an implementation before this one."""

from __future__ import annotations

import gzip
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from portcompare.analyse import compare
from portcompare.records.results import Results

RUN = Path(__file__).parent / "fixtures" / "run.json.gz"
MARGINS = {"throughput": 0.05, "p50": 0.05, "p95": 0.1, "p99": 0.1, "cpu_s_per_request": 0.05}


@cache
def recorded_run() -> Results:
    return TypeAdapter(Results).validate_json(gzip.decompress(RUN.read_bytes()))


def assert_same(found: Any, expected: Any, place: str) -> None:  # noqa: ANN401 - whatever JSON holds
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for key, value in expected.items():
            assert_same(found[key], value, f"{place}.{key}")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9), place
    else:
        assert found == expected, place


def test_a_recorded_run_is_analysed_to_the_same_estimates() -> None:
    run = recorded_run()
    order = {(one.scenario, one.level, one.arm): place for place, one in enumerate(run.summaries)}
    rounds = sorted(run.rounds, key=lambda one: (order[one.scenario, one.level, one.arm], one.block))
    compared = compare(rounds, MARGINS)  # type: ignore[arg-type]
    assert len(compared) == len(run.comparisons) == 80
    for found, expected in zip(compared, run.comparisons, strict=True):
        assert_same(
            asdict(found), asdict(expected), f"{expected.scenario} {expected.level} {expected.metric}"
        )
