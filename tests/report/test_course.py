from dataclasses import replace

import pytest

from portcompare.records.results import Results
from portcompare.report.sections.method import method_facts
from tests.altered import altered

OPEN = {"model": "open", "rates": [400.0], "objective": None}
SEARCHED = {"model": "open", "rates": [], "objective": {"p50": None, "p99": 0.05}}


def with_loads(results: Results, **loads: object) -> Results:
    scenarios = {name: {"load": load} for name, load in loads.items()}
    return replace(results, plan=results.plan | {"scenarios": scenarios})


def warmup(results: Results) -> str:
    return dict(method_facts(results))["Warm-up"]


@pytest.fixture
def searched(results: Results) -> Results:
    rounds = tuple(replace(one, scenario="slow", level=100.0 + one.block) for one in results.rounds)
    return replace(with_loads(results, slow=SEARCHED), rounds=rounds, summaries=())


def test_a_search_is_told_with_its_objective_and_what_was_tried(searched: Results) -> None:
    assert (
        "the highest rate that keeps p99 within 50.0 ms is searched, tried were from 100/s to 105/s ("
        in dict(method_facts(searched))["Scenario slow"]
    )
    assert "tried were none (" in dict(method_facts(replace(searched, rounds=())))["Scenario slow"]


def test_a_search_has_an_order_and_an_end_of_its_own(searched: Results) -> None:
    facts = dict(method_facts(searched))
    assert facts["Scenario slow"].count("p99 within 50.0 ms") == 1
    assert facts["Order"] == (
        "in each block all arms search side by side, one round of each in turn, in random order; seed 1"
    )
    assert facts["Precise enough"] == (
        "a scenario is done when the intervals of its capacities' ratios reach at most 5% from the ratio"
    )


def test_the_blocks_of_a_grid_are_counted_for_each_cell(results: Results) -> None:
    facts = dict(method_facts(replace(results, plan=results.plan | {"break_even": {"path": "/data"}})))
    assert facts["Blocks"].endswith("; the plan asks for 5 to 10 of each cell that is measured")
    assert facts["Order"].startswith("in each block its cells in random order")
    assert facts["Precise enough"].startswith("a cell whose interval lay around 1 is measured on until")


def test_the_warm_up_is_told_with_its_test_and_how_often_it_failed(results: Results) -> None:
    assert warmup(results) == (
        "at least 0.25 s before each window, and until responses arrive at a steady rate (MSER-5); 0 windows "
        "opened without that; a round is discarded if not all users had a response after 30 s"
    )
    first, second, *others = results.rounds
    assert (first.discarded, bool(second.discarded)) == (None, True)
    unsteady = (altered(first, steady=False), altered(second, steady=False), *others)
    assert "; 1 window opened without that;" in warmup(replace(results, rounds=unsteady))


def test_in_the_open_model_no_first_answers_are_waited_for(results: Results) -> None:
    assert warmup(with_loads(results, fast=OPEN)).endswith("0 windows opened without that")
    both = warmup(with_loads(results, fast=OPEN, slow={"model": "closed", "users": [1]}))
    assert both.endswith(
        "; a round of the closed model is discarded if not all users had a response after 30 s"
    )
