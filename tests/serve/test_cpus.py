import os
from pathlib import Path

import pytest

from portcompare.serve.cpus import assign_cpus
from portcompare.serve.preflight import find_cpu_problems
from tests.serve.support import write_plan

FOUR = {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("allowed", "knobs", "expected"),
    [
        (FOUR, (1, 1, ""), ([0], [3])),
        (FOUR, (2, 1, ""), ([0, 1], [3])),
        (FOUR, (8, 1, ""), ([0, 1, 2], [3])),
        ({4, 6}, (2, 1, ""), ([4], [6])),
        ({5}, (2, 1, ""), ([5], [5])),
        (FOUR, (1, 2, ""), ([0], [2, 3])),
        (FOUR, (1, 4, ""), ([0], [1, 2, 3])),
        ({0, 1}, (1, 2, ""), ([0], [1])),
        ({5}, (1, 2, ""), ([5], [5])),
        # The CPUs that the plan names:
        (FOUR, (1, 1, "server = [3]"), ([3], [2])),
        (FOUR, (1, 1, "generator = [0]"), ([1], [0])),
        (FOUR, (1, 1, "server = [2, 1]\ngenerator = [0, 3]"), ([2, 1], [0, 3])),
        (FOUR, (1, 1, "generator = [1, 1000]"), ([0], [1])),
        (FOUR, (1, 1, "server = [0, 1, 2, 3]"), ([0, 1, 2, 3], [3])),
    ],
)
def test_the_generator_has_the_last_cpus_one_a_process_and_servers_one_a_worker_and_at_least_one(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    allowed: set[int],
    knobs: tuple[int, int, str],
    expected: tuple[list[int], list[int]],
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed)
    workers, processes, cpus = knobs
    plan = write_plan(tmp_path, {"gunicorn": "", "uvicorn asgi": f"workers = {workers}"}, cpus=cpus)
    found = assign_cpus(plan, processes)
    assert (list(found.server), list(found.generator)) == expected


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
    problems = list(find_cpu_problems(plan))
    assert [problem.where for problem in problems] == ([f"{plan.path}: {where}"] if where else [])
    for problem in problems:
        assert problem.found.startswith(str(found))
        assert problem.remedy
