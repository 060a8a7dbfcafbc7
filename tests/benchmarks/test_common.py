from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.common import in_turn, is_near, publish, ratios, run_plan, spread, verdict
from tests.runs import make_run, store


def test_sides_come_as_often_in_each_place_and_after_each_other() -> None:
    order: list[str] = []
    found = in_turn({name: partial(order.append, name) for name in "abc"}, 6)
    rounds = [order[start : start + 3] for start in range(0, 18, 3)]
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert [[one[place] for one in rounds].count("a") for place in range(3)] == [2, 2, 2]
    followers = [pair for one in rounds for pair in pairwise(one)]
    assert {followers.count(pair) for pair in followers} == {2}
    assert {name: len(results) for name, results in found.items()} == {"a": 6, "b": 6, "c": 6}


def test_results_stay_with_their_side() -> None:
    numbers = iter(range(4))
    found = in_turn({"a": lambda: ("a", next(numbers)), "b": lambda: ("b", next(numbers))}, 2)
    assert found == {"a": [("a", 0), ("a", 3)], "b": [("b", 1), ("b", 2)]}


def test_ratios_are_taken_round_by_round_and_a_spread_is_the_median_and_the_range() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    assert spread([3.0, 1.0, 10.0]) == "3 (1 to 10)"
    assert verdict(met=True) == "met"
    assert "missed" in verdict(met=False)


def test_a_long_latency_is_near_by_its_share_and_a_short_one_by_the_floor() -> None:
    long = {0.0105: True, 0.0095: True, 0.0106: False, 0.0094: False, 0.0: False}
    assert {each_s: is_near(each_s, 0.01, share=0.0501, floor_s=50e-6) for each_s in long} == long
    short = {149e-6: True, 151e-6: False, 51e-6: True}
    assert {each_s: is_near(each_s, 100e-6, share=0.05, floor_s=50e-6) for each_s in short} == short


def test_a_section_is_replaced_if_there_is_one_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("top\n<!-- a: begin -->\nold\n<!-- a: end -->\n<!-- b: begin -->\n<!-- b: end -->\n")
    publish("a", ["new"], page=page)
    publish("a", ["newer"], page=page)
    text = page.read_text()
    assert text.startswith("top\n<!-- a: begin -->\n*2")
    assert text.endswith("\n\nnewer\n<!-- a: end -->\n<!-- b: begin -->\n<!-- b: end -->\n")
    assert "old" not in text
    assert "new\n" not in text
    with pytest.raises(ValueError, match="has no section 'c'"):
        publish("c", ["new"], page=page)
    assert page.read_text() == text


def test_a_run_that_is_there_is_not_measured_again_and_one_that_broke_off_is_refused(tmp_path: Path) -> None:
    run = make_run(1, blocks=2)
    assert run_plan(Path("no such plan"), store(run, tmp_path)).rounds == run.rounds
    with pytest.raises(ValueError, match="broke off; remove it"):
        run_plan(Path("no such plan"), store(replace(run, partial=True), tmp_path))
