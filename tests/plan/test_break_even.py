from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.errors import Problem
from portcompare.plan import load_plan
from tests.plan.plans import GOOD, SERVERS, problems_of, spoilt, write

if TYPE_CHECKING:
    from pathlib import Path

SCENARIO = '[scenarios.fast]\nrequest = { path = "/data" }\nload = { users = [1] }\n'
GRID = '[break_even]\npath = "/data?x=1"\ndelay_s = [0.2, 0, 1, 0.2]\nusers = [64, 1, 8, 8]\n'


def with_grid(path: Path, grid: str = GRID, more: str = "") -> Path:
    return write(path / "plan.toml", spoilt(SCENARIO, grid + more))


def test_a_grid_makes_a_scenario_of_each_delay(tmp_path: Path) -> None:
    plan = load_plan(with_grid(tmp_path), SERVERS)
    assert list(plan.scenarios) == ["delay 0 s", "delay 0.2 s", "delay 1 s"]
    assert plan.break_even is not None
    assert plan.break_even.delays_s == {"delay 0 s": 0.0, "delay 0.2 s": 0.2, "delay 1 s": 1.0}
    one = plan.scenarios["delay 0.2 s"]
    assert one.request is not None
    (spec,) = one.request.specs(tmp_path)
    assert spec.target == "/data?x=1&delay=0.2"
    assert one.delay_s == 0.2
    assert plan.levels[3:6] == (("delay 0.2 s", 1), ("delay 0.2 s", 8), ("delay 0.2 s", 64))


def test_the_delay_goes_into_the_parameter_that_is_named(tmp_path: Path) -> None:
    grid = GRID.replace("users", 'parameter = "sleep"\nusers')
    request = load_plan(with_grid(tmp_path, grid), SERVERS).scenarios["delay 1 s"].request
    assert request is not None
    (spec,) = request.specs(tmp_path)
    assert spec.target == "/data?x=1&sleep=1"


@pytest.mark.parametrize(
    ("more", "windows_s"),
    [("", [1, 1, 5]), ("[rounds]\nseconds = 2\n", [2, 2, 5]), ("[rounds]\nseconds = 9\n", [9, 9, 9])],
)
def test_rounds_are_long_enough_for_the_delay(tmp_path: Path, more: str, windows_s: list[float]) -> None:
    plan = load_plan(with_grid(tmp_path, more=more), SERVERS)
    assert [plan.window_s(name) for name in plan.scenarios] == windows_s


@pytest.mark.parametrize(
    ("old", "new", "key", "found"),
    [
        (
            "[0.2, 0, 1, 0.2]",
            "[0.2, -1]",
            ".delay_s.1",
            "Input should be greater than or equal to 0 (found -1)",
        ),
        (
            "[0.2, 0, 1, 0.2]",
            "[0.2]",
            ".delay_s",
            "List should have at least 2 items after validation, not 1 (found [0.2])",
        ),
        ("[64, 1, 8, 8]", "[1, 2.5]", ".users.1", "Input should be a valid integer (found 2.5)"),
        ('path = "/data?x=1"\n', "", ".path", "is missing"),
        ("users", "user", ".user", "there is no such key"),
    ],
)
def test_a_wrong_grid_is_told_by_its_own_keys(
    tmp_path: Path, old: str, new: str, key: str, found: str
) -> None:
    path = with_grid(tmp_path, GRID.replace(old, new))
    told = {(problem.where, problem.found) for problem in problems_of(path)}
    assert (f"{path}: break_even{key}", found) in told
    assert all(": break_even." in where for where, _ in told)


def test_a_plan_has_a_grid_or_scenarios_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "plan.toml", GOOD + GRID)
    assert problems_of(path) == (
        Problem(
            where=f"{path}: break_even",
            found="stands beside [scenarios]",
            remedy="give each a plan of its own: [break_even] makes its own scenarios",
        ),
    )


@pytest.mark.parametrize("scenarios", ["[]", '"x"'])
def test_a_grid_beside_what_are_no_scenarios_is_told(tmp_path: Path, scenarios: str) -> None:
    path = with_grid(tmp_path)
    write(path, f"scenarios = {scenarios}\n{path.read_text(encoding='utf-8')}")
    told = {(problem.where, problem.found) for problem in problems_of(path)}
    assert (f"{path}: break_even", "stands beside [scenarios]") in told
    assert f"{path}: scenarios" in {where for where, _ in told}


def test_a_plan_without_either_lacks_scenarios(tmp_path: Path) -> None:
    path = with_grid(tmp_path, "")
    assert problems_of(path) == (Problem(where=f"{path}: scenarios", found="is missing", remedy="add it"),)


@pytest.mark.parametrize("seconds", ['"1"', "-1", "0", "inf", "nan"])
def test_a_grid_whose_rounds_are_wrong_is_told_once(tmp_path: Path, seconds: str) -> None:
    path = with_grid(tmp_path, more=f"[rounds]\nseconds = {seconds}\n")
    assert [problem.where for problem in problems_of(path)] == [f"{path}: rounds.seconds"]
