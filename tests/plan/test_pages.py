from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.plan import load_plan
from tests.plan.plans import GOOD, SERVERS, problems_of, write

if TYPE_CHECKING:
    from pathlib import Path

PAGES = """
[scenarios.paced]
request = { path = "/data" }
load = { model = "open", rates = [10] }

[pages.fast]
path = "/?delay=0"

[pages.busy]
path = "/"
scenario = "fast"
users = 64
"""


def test_a_page_is_loaded_idle_and_under_the_load_of_its_scenario(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path / "plan.toml", GOOD + PAGES), SERVERS)
    assert {name: page.conditions for name, page in plan.pages.items()} == {"fast": (0,), "busy": (0, 64)}


@pytest.mark.parametrize(
    ("old", "new", "key", "found"),
    [
        ("users = 64", "", "busy", "give both of `scenario` and `users`"),
        ('scenario = "fast"', 'scenario = "fats"', "busy.scenario", "there is no scenario 'fats'"),
        ('scenario = "fast"', 'scenario = "paced"', "busy.scenario", "a load of the open model"),
        ('"/?delay=0"', '"delay"', "fast.path", "is 'delay'"),
    ],
)
def test_a_wrong_page_is_told_where_it_stands(
    tmp_path: Path, old: str, new: str, key: str, found: str
) -> None:
    assert PAGES.count(old) == 1
    (problem,) = problems_of(write(tmp_path / "plan.toml", GOOD + PAGES.replace(old, new)))
    assert problem.where.endswith(f"pages.{key}")
    assert found in problem.found


def test_pages_have_no_place_beside_a_grid(tmp_path: Path) -> None:
    grid = '[break_even]\npath = "/"\ndelay_s = [0, 1]\nusers = [1, 8]\n[pages.fast]\npath = "/"\n'
    without = GOOD[: GOOD.index("[scenarios")]
    (problem,) = problems_of(write(tmp_path / "plan.toml", without + grid))
    assert problem.where.endswith("pages")
    assert "a plan of their own" in problem.remedy
