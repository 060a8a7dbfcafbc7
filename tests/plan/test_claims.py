from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.plan import load_plan
from tests.plan.plans import GOOD, SERVERS, problems_of, write

if TYPE_CHECKING:
    from pathlib import Path

CLAIMS = """
[pages.home]
path = "/"

[claims.port]
text = "A port is faster"

[[claims.port.checks]]
name = "one user"
metric = "throughput"
of = { arm = "new", scenario = "fast", level = 1 }
to = { scenario = "fast", level = 1 }
at_least = 1.05

[[claims.port.checks]]
name = "at the screen"
metric = "lcp"
of = { arm = "new", page = "home" }
at_most = 2.5
"""


def test_a_claim_has_checks_each_with_a_value_or_a_ratio_and_a_threshold(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path / "plan.toml", GOOD + CLAIMS), SERVERS)
    first, second = plan.claims["port"].checks
    assert first.to is not None
    assert (first.to.arm, first.at_least, first.at_most) == ("baseline", 1.05, None)
    assert (second.to, second.of.load, second.of.level) == (None, "cold", 0.0)


@pytest.mark.parametrize(
    ("old", "new", "key", "found"),
    [
        ('arm = "new", scenario', 'arm = "nwe", scenario', ".0.of.arm", "there is no arm 'nwe'"),
        ('to = { scenario = "fast"', 'to = { scenario = "fats"', ".0.to.scenario", "no scenario 'fats'"),
        ('page = "home"', 'page = "away"', ".1.of.page", "there is no page 'away'"),
        ('"home" }', '"home", level = 64 }', ".1.of.level", "64 is not measured"),
        ("level = 1 }\nto", "level = 2 }\nto", ".0.of.level", "2 is not measured"),
        ("at_most = 2.5", "", ".1", "exactly one of `at_least` and `at_most`"),
        ('metric = "lcp"', 'metric = "p50"', ".1", 'the metric "lcp" goes with pages'),
        ('page = "home" }', 'page = "home", scenario = "fast", level = 1 }', ".1.of", "exactly one of"),
    ],
)
def test_a_wrong_check_is_told_where_it_stands(
    tmp_path: Path, old: str, new: str, key: str, found: str
) -> None:
    assert CLAIMS.count(old) == 1
    problems = problems_of(write(tmp_path / "plan.toml", GOOD + CLAIMS.replace(old, new)))
    assert problems[0].where.endswith(f"claims.port.checks{key}")
    assert found in problems[0].found


def test_claims_cannot_stand_where_not_all_levels_are_measured(tmp_path: Path) -> None:
    grid = "[break_even]\npath = '/'\ndelay_s = [0, 0.1]\nusers = [1, 8]\n"
    problems = problems_of(write(tmp_path / "plan.toml", GOOD + CLAIMS + grid))
    told = [one for one in problems if one.where.endswith("claims")]
    assert [one.found[:27] for one in told] == ["stand beside [break_even], "]


def test_a_claim_on_a_searched_rate_is_told_where_it_stands(tmp_path: Path) -> None:
    searched = GOOD.replace("users = [1]", 'model = "open", objective = { p99 = 0.5 }')
    assert searched != GOOD
    problems = problems_of(write(tmp_path / "plan.toml", searched + CLAIMS))
    assert any("its rate is searched" in one.found and one.where.endswith("of.scenario") for one in problems)
