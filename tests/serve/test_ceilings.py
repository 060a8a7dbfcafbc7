from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from portcompare.records.manifest import Ceiling
from portcompare.serve import assign_cpus, describe_manifest
from portcompare.serve.servers import executor_threads
from tests.serve.support import write_plan

if TYPE_CHECKING:
    from pathlib import Path

THREADS = executor_threads(os.cpu_count() or 1, (3, 11))


@pytest.mark.parametrize(
    ("slots", "knobs", "expected"),
    [
        ('"event-loop"', "", Ceiling(slots=1, noun="blocked event loop")),
        ('"event-loop"', "workers = 3", Ceiling(slots=3, noun="blocked event loop")),
        ('"executor"', "", Ceiling(slots=THREADS, noun="executor thread")),
        ("10", "workers = 2", Ceiling(slots=20, noun="slot")),
    ],
)
def test_a_scenario_says_how_many_requests_its_handler_leaves_room_for(
    tmp_path: Path, slots: str, knobs: str, expected: Ceiling
) -> None:
    plan = write_plan(tmp_path, {"gunicorn": "", "uvicorn asgi": knobs})
    scenario = plan.scenarios["fast"].model_copy(update={"slots": {"asgi": _value(slots)}})
    plan = plan.model_copy(update={"scenarios": {"fast": scenario, "other": plan.scenarios["fast"]}})

    baseline, candidate = describe_manifest(plan, assign_cpus(plan)).deployments

    assert candidate.ceilings == {"fast": expected}
    assert candidate.slots is None
    assert baseline.ceilings == {}


def test_a_server_with_fewer_slots_sets_the_bound_itself(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, {"gunicorn": "threads = 2", "uvicorn asgi": ""})
    scenario = plan.scenarios["fast"].model_copy(update={"slots": {"wsgi": 3}})
    plan = plan.model_copy(update={"scenarios": {"fast": scenario}})

    baseline, _ = describe_manifest(plan, assign_cpus(plan)).deployments

    assert baseline.slots == 2
    assert baseline.ceilings == {}


@pytest.mark.parametrize(("cpus", "threads"), [(1, 5), (28, 32), (64, 32)])
def test_the_default_executor_has_as_many_threads_as_python_says(cpus: int, threads: int) -> None:
    assert executor_threads(cpus, (3, 13)) == threads


def _value(slots: str) -> int | str:
    return int(slots) if slots.isdigit() else slots.strip('"')
