import os
from pathlib import Path

import pytest

from portcompare.serve import CpuAssignment, assign_cpus
from portcompare.serve.preflight import _cpu_problems
from tests.serve.support import write_plan


@pytest.mark.parametrize(
    ("allowed", "knobs", "expected"),
    [
        ({0, 1, 2, 3}, ("", 1), CpuAssignment(server=(0,), generator=(3,))),
        ({0, 1, 2, 3}, ("workers = 2", 1), CpuAssignment(server=(0, 1), generator=(3,))),
        ({0, 1, 2, 3}, ("workers = 8", 1), CpuAssignment(server=(0, 1, 2), generator=(3,))),
        ({4, 6}, ("workers = 2", 1), CpuAssignment(server=(4,), generator=(6,))),
        ({5}, ("workers = 2", 1), CpuAssignment(server=(5,), generator=(5,))),
        ({0, 1, 2, 3}, ("", 2), CpuAssignment(server=(0,), generator=(2, 3))),
        ({0, 1, 2, 3}, ("", 4), CpuAssignment(server=(0,), generator=(1, 2, 3))),
        ({0, 1}, ("", 2), CpuAssignment(server=(0,), generator=(1,))),
        ({5}, ("", 2), CpuAssignment(server=(5,), generator=(5,))),
    ],
)
def test_the_generator_has_the_last_cpus_one_a_process_and_servers_one_a_worker_and_at_least_one(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    allowed: set[int],
    knobs: tuple[str, int],
    expected: CpuAssignment,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed)
    workers, processes = knobs
    plan = write_plan(tmp_path, {"gunicorn": "", "uvicorn asgi": workers})
    assert assign_cpus(plan, processes) == expected


@pytest.mark.parametrize(
    ("cpus", "expected"),
    [
        ("server = [3]", CpuAssignment(server=(3,), generator=(2,))),
        ("generator = [0]", CpuAssignment(server=(1,), generator=(0,))),
        ("server = [2, 1]\ngenerator = [0, 3]", CpuAssignment(server=(2, 1), generator=(0, 3))),
        ("generator = [1, 1000]", CpuAssignment(server=(0,), generator=(1,))),
        ("server = [0, 1, 2, 3]", CpuAssignment(server=(0, 1, 2, 3), generator=(3,))),
    ],
)
def test_the_cpus_that_the_plan_names_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cpus: str, expected: CpuAssignment
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    plan = write_plan(tmp_path, cpus=cpus)
    assert assign_cpus(plan) == expected


@pytest.mark.parametrize(
    ("cpus", "where", "found"),
    [
        ("", None, None),
        ("server = [0]\ngenerator = [1]", None, None),
        ("server = [1, 7, 9]", "cpus.server", "this process may not use CPU 7, 9"),
        ("generator = [2]", "cpus.generator", "this process may not use CPU 2"),
        ("generator = []", "cpus.generator", "names no CPU"),
        ("server = [0, 1]\ngenerator = [1]", "cpus", "CPU 1 is named for servers and generator"),
    ],
)
def test_cpus_that_cannot_be_used_are_problems_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cpus: str, where: str | None, found: str | None
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    plan = write_plan(tmp_path, cpus=cpus)
    problems = list(_cpu_problems(plan))
    assert [problem.where for problem in problems] == ([f"{plan.path}: {where}"] if where else [])
    for problem in problems:
        assert problem.found.startswith(str(found))
        assert problem.remedy
