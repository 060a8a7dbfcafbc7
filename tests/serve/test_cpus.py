from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from portcompare.serve import CpuAssignment, assign_cpus, find_cpu_problems
from tests.serve.support import write_plan

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("allowed", "knobs", "expected"),
    [
        ({0, 1, 2, 3}, "", CpuAssignment(server=(0,), generator=(3,))),
        ({0, 1, 2, 3}, "workers = 2", CpuAssignment(server=(0, 1), generator=(3,))),
        ({0, 1, 2, 3}, "workers = 8", CpuAssignment(server=(0, 1, 2), generator=(3,))),
        ({4, 6}, "workers = 2", CpuAssignment(server=(4,), generator=(6,))),
        ({5}, "workers = 2", CpuAssignment(server=(5,), generator=(5,))),
    ],
)
def test_the_generator_has_the_last_cpu_and_servers_have_one_a_worker(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, allowed: set[int], knobs: str, expected: CpuAssignment
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed)
    plan = write_plan(tmp_path, {"gunicorn": "", "uvicorn asgi": knobs})
    assert assign_cpus(plan) == expected


@pytest.mark.parametrize(
    ("allowed", "processes", "expected"),
    [
        ({0, 1, 2, 3}, 2, CpuAssignment(server=(0,), generator=(2, 3))),
        ({0, 1, 2, 3}, 4, CpuAssignment(server=(0,), generator=(1, 2, 3))),
        ({0, 1}, 2, CpuAssignment(server=(0,), generator=(1,))),
        ({5}, 2, CpuAssignment(server=(5,), generator=(5,))),
    ],
)
def test_each_process_of_the_generator_has_a_cpu_as_far_as_one_is_left_to_the_servers(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    allowed: set[int],
    processes: int,
    expected: CpuAssignment,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed)
    assert assign_cpus(write_plan(tmp_path, {"gunicorn": "", "uvicorn asgi": ""}), processes) == expected


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
def test_what_the_plan_says_of_cpus_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cpus: str, expected: CpuAssignment
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    plan = write_plan(tmp_path, cpus=cpus)
    assert assign_cpus(plan) == expected


@pytest.mark.parametrize("cpus", ["", "server = [0]", "server = [0]\ngenerator = [1]", "server = [0, 1]"])
def test_cpus_that_can_be_used_are_no_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cpus: str
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert not list(find_cpu_problems(write_plan(tmp_path, cpus=cpus)))


@pytest.mark.parametrize(
    ("cpus", "where", "found"),
    [
        ("server = [1, 7, 9]", "cpus.server", "this process may not use CPU 7, 9"),
        ("generator = [2]", "cpus.generator", "this process may not use CPU 2"),
        ("generator = []", "cpus.generator", "names no CPU"),
        ("server = [0, 1]\ngenerator = [1]", "cpus", "CPU 1 is named for servers and generator"),
    ],
)
def test_cpus_that_cannot_be_used_are_problems(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cpus: str, where: str, found: str
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    plan = write_plan(tmp_path, cpus=cpus)
    (problem,) = find_cpu_problems(plan)
    assert problem.where == f"{plan.path}: {where}"
    assert problem.found.startswith(found)
    assert problem.remedy
