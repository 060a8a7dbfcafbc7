from dataclasses import replace

from portcompare.records.results import Results
from portcompare.report.sections.method import machine_facts, method_facts
from tests.altered import altered
from tests.analyse.samples import TURN

OPEN = {"model": "open", "rates": [400.0], "objective": None}
SEARCHED = {"model": "open", "rates": [], "objective": {"p50": None, "p99": 0.05}}


def with_loads(results: Results, **loads: object) -> Results:
    scenarios = {name: {"load": load} for name, load in loads.items()}
    return replace(results, plan=results.plan | {"scenarios": scenarios})


def warmup(results: Results) -> str:
    return dict(method_facts(results))["Warm-up"]


def test_a_search_is_told_with_its_objective_what_was_tried_its_order_and_its_end(results: Results) -> None:
    rounds = tuple(replace(one, scenario="slow", level=100.0 + one.block) for one in results.rounds)
    searched = replace(with_loads(results, slow=SEARCHED), rounds=rounds, summaries=())
    facts = dict(method_facts(searched))
    tried = "the highest rate that keeps p99 within 50.0 ms is searched, tried were from 100/s to 105/s ("
    assert tried in facts["Scenario slow"]
    assert "tried were none (" in dict(method_facts(replace(searched, rounds=())))["Scenario slow"]
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
        "at least 0.25 s before a level's turns or a window, there until responses arrive at a steady rate "
        "(MSER-5); 0 windows opened without that; a round is discarded if not all users had a response after "
        "30 s"
    )
    first, second, *others = results.rounds
    assert (first.discarded, bool(second.discarded)) == (None, True)
    unsteady = (altered(first, steady=False), altered(second, steady=False), *others)
    assert "; 1 window opened without that;" in warmup(replace(results, rounds=unsteady))


def test_in_the_open_model_no_first_responses_are_waited_for(results: Results) -> None:
    assert warmup(with_loads(results, fast=OPEN)).endswith("0 windows opened without that")
    both = warmup(with_loads(results, fast=OPEN, slow={"model": "closed", "users": [1]}))
    assert both.endswith(
        "; a round of the closed model is discarded if not all users had a response after 30 s"
    )


def test_a_round_that_failed_before_its_first_turn_was_no_window(results: Results) -> None:
    first, *others = [one for one in results.rounds if one.scenario == "delayed"]
    plan = results.plan | {"rounds": results.plan["rounds"] | {"turn_s": 0.05}}
    changed = replace(results, plan=plan, rounds=(replace(first, turns=(TURN,)), *others))
    how = dict(method_facts(changed))["Scenario delayed"]
    assert "; 1 turn of 50.0 ms or more, 0 of them discarded" in how
    assert "windows" not in how


def test_the_method_is_that_of_the_plan(results: Results) -> None:
    facts = dict(method_facts(results))
    assert facts["Scenario delayed"] == (
        "user class Delayed; 1 user, 64 users (closed model, each user waits for the response before it sends"
        " the next request); 0.2 s of waiting by design in each response; windows of 1 s"
    )
    assert facts["Scenario fast"].startswith("GET /data; 1 user, 32 users")
    assert facts["Blocks"] == "6 measured, each on servers started afresh; the plan asks for 5 to 10"
    assert facts["Rounds"] == "96 rounds, 7 of them discarded"
    assert facts["Order"] == (
        "in each block its undecided levels in random order, at each of them the arms in random order; seed 1"
    )
    assert facts["Precise enough"] == (
        "a level is done when its intervals reach at most 5% from the ratio, or 2.5% with fewer than 5 blocks"
    )


def test_margins_that_differ_are_told_with_their_metrics(results: Results) -> None:
    margin = {"throughput": 0.05, "p50": 0.05, "p95": 0.1, "p99": 0.1, "cpu_s_per_request": 0.05}
    rounds = results.plan["rounds"] | {"margin": margin}
    equivalent = dict(method_facts(replace(results, plan=results.plan | {"rounds": rounds})))["Equivalent"]
    assert "1 / (1 + 5%) to 1 + 5% (Throughput, Response time p50, CPU time per request), " in equivalent
    assert "1 / (1 + 10%) to 1 + 10% (Response time p95, Response time p99)" in equivalent


def test_a_method_that_the_plan_does_not_tell_is_not_made_up(results: Results) -> None:
    facts = dict(method_facts(replace(results, plan={"scenarios": {"s": {}}})))
    assert facts["Scenario s"].startswith("a request that is not known; no level (load model not known)")
    assert facts["Timeout"] == "a response that takes not known is an error"


def test_the_machine_is_told_with_its_clocks_and_its_load(results: Results) -> None:
    facts = dict(machine_facts(results))
    assert facts["Machine"] == (
        "AMD EPYC 7B13, 4 CPUs, 16.0 GiB memory; clock governor performance; load average 0.250 at the start"
    )
    silent = replace(results, manifest=replace(results.manifest, cpu_governor=""))
    assert "clock governor not known" in dict(machine_facts(silent))["Machine"]


def test_the_limits_of_the_load_generator_are_those_of_the_plan(results: Results) -> None:
    limits = {"max_cpu_ratio": 0.8, "max_lag_s": 0.02, "max_stall_s": 0.3}
    facts = dict(method_facts(replace(results, plan=results.plan | {"generator": limits})))
    assert facts["Load generator"] == (
        "a round is discarded in which it used more than 80% of a CPU, was over 20.0 ms late for 1% of the"
        " requests that were due, or stalled for more than 300 ms"
    )
