from dataclasses import replace
from functools import cache

import pytest

from portcompare.analyse.diff import (
    Run,
    compare_conditions,
    diff_runs,
    find_altered,
    flatten,
    list_conditions,
)
from portcompare.records.estimates import Change, RunDiff
from portcompare.records.metrics import round_metrics
from portcompare.records.results import Results
from tests.altered import altered
from tests.analyse.samples import in_users
from tests.runs import MARGINS, NEW, OLD, make_run


def diff(old: Results, new: Results) -> RunDiff:
    return diff_runs(Run(folder="old", results=old), Run(folder="new", results=new), MARGINS, in_users)


@cache
def same() -> RunDiff:
    return diff(make_run(1), make_run(2))


def verdicts(changes: tuple[Change, ...], deployment: str) -> dict[tuple[float, str], str | None]:
    return {(one.level, one.metric): one.ratio.verdict for one in changes if one.deployment == deployment}


def test_two_runs_of_the_same_are_equivalent_and_a_percentile_of_too_few_requests_is_not_told() -> None:
    for one in (*same().changes, *same().relative_changes):
        assert one.ratio.verdict in ("equivalent", "inconclusive"), one
        if one.metric in ("throughput", "p50"):
            assert one.ratio.verdict == "equivalent", one
    assert "no difference holds" in same().headline
    assert "was shown to be the same everywhere" in same().headline
    low = {one.metric: one for one in same().changes if one.level == 1 and one.deployment == OLD}
    assert low["p99"].ratio.point is None
    assert "too few for a p99" in low["p99"].ratio.reason
    assert low["throughput"].ratio.point is not None


def test_a_slow_down_of_30_percent_is_slower() -> None:
    slower = diff(make_run(1), make_run(2, slower=1.3))
    for changes in (slower.changes, slower.relative_changes):
        found = verdicts(changes, NEW)
        assert found[64, "throughput"] == found[64, "p50"] == found[64, "cpu_s_per_request"] == "slower"
        assert set(verdicts(changes, "control").values()) <= {"equivalent", "inconclusive"}
    assert f"{NEW} is slower (delayed, 1 user; delayed, 64 users)" in slower.headline


def test_a_machine_that_is_slower_as_a_whole_changes_the_figures_and_not_the_ratios() -> None:
    found = diff(make_run(1), make_run(2, all_slower=1.3))
    own, relative = verdicts(found.changes, NEW), verdicts(found.relative_changes, NEW)
    assert own[64, "throughput"] == own[64, "p50"] == "slower"
    assert relative[64, "throughput"] == relative[64, "p50"] == "equivalent"
    assert OLD not in {one.deployment for one in found.relative_changes}


def test_a_deployment_is_found_again_whatever_its_part_in_the_run() -> None:
    run = make_run(2)
    arms = {"baseline": OLD, NEW: "baseline"}
    rounds = tuple(replace(one, arm=arms[one.arm]) for one in run.rounds if one.arm in arms)
    summaries = tuple(replace(one, arm=arms[one.arm]) for one in run.summaries if one.arm in arms)
    found = diff(make_run(1), replace(run, rounds=rounds, summaries=summaries))
    assert {one.deployment for one in found.changes} == {OLD, NEW}
    assert found.relative_changes == ()
    assert "have not the same baseline" in found.headline


def test_a_ratio_is_to_the_mean_of_the_baseline_and_its_control() -> None:
    run = make_run(2)
    factors = {"baseline": 4.0, "control": 0.25, NEW: 1.0}
    turned = tuple(altered(one, rate_rps=factors[one.arm] * one.load.rate_rps) for one in run.rounds)
    found = diff(make_run(1), replace(run, rounds=turned)).relative_changes
    ratios = {
        one.deployment: one.ratio.point for one in found if (one.level, one.metric) == (64, "throughput")
    }
    assert ratios == {NEW: pytest.approx(1, rel=0.05), "control": pytest.approx(1 / 16, rel=0.05)}


def test_runs_that_are_not_valid_and_rounds_that_are_discarded_do_not_count() -> None:
    found = diff(replace(make_run(1), valid=False, invalid_reasons=("too noisy",)), make_run(2))
    assert "cannot be relied on" in found.headline
    assert found.old.invalid_reasons == ("too noisy",)
    run = make_run(2)
    one_left = tuple(one if one.block == 0 else altered(one, discarded="a reason") for one in run.rounds)
    found = diff(make_run(1), replace(run, rounds=one_left))
    assert {one.ratio.verdict for one in found.changes} == {"invalid"}
    assert found.changes[0].ratio.reason.startswith("1 block of the new run")
    assert {(one.old_blocks, one.new_blocks) for one in found.changes} == {(24, 1)}
    assert "Nothing of throughput" in found.headline


def test_a_scenario_that_sends_another_thing_or_is_searched_is_left_out_and_other_levels_are_not() -> None:
    old = make_run(1)
    old.plan["scenarios"]["delayed"]["delay_s"] = 0.1
    found = diff(old, make_run(2))
    assert found.not_compared == ("delayed: it does not send the same: delay_s was 0.1 and is 0.2",)
    assert found.changes == ()
    assert any(one.what == "scenarios.delayed.delay_s" for one in found.plans)
    old = make_run(1)
    old.plan["scenarios"]["delayed"]["seconds"] = 9.0
    old.plan["scenarios"]["delayed"]["load"]["users"] = [64]
    found = diff(old, make_run(2))
    assert found.not_compared == ()
    assert len(found.changes) == 2 * 3 * len(round_metrics())
    old, new = make_run(1), make_run(2)
    for run in (old, new):
        run.plan["scenarios"]["delayed"]["load"] = {"model": "open", "objective": {"p99": 0.3}}
    assert diff(old, new).not_compared == (
        "delayed: its rate is searched, and the reports show what was found",
    )


def test_machines_are_told_from_other_conditions_and_each_has_a_name() -> None:
    one = make_run(1).manifest
    other = replace(one, cpu_count=64, kernel="Linux 9", memory_bytes=one.memory_bytes - 10**6)
    machines, conditions = compare_conditions(one, other)
    assert [(each.what, each.old, each.new) for each in machines] == [("cpu_count", "2", "64")]
    assert [each.what for each in conditions] == ["kernel"]
    machines, _ = compare_conditions(one, replace(one, memory_bytes=2 * one.memory_bytes))
    assert [each.what for each in machines] == ["memory_bytes"]
    named = list_conditions(one)
    assert named["deployments.old.server"] == "s"
    assert not {"load_average", "differences"} & named.keys()


def test_what_differs_between_tables_is_named_by_its_place() -> None:
    found = find_altered({"a": "1", "b": "2"}, {"b": "3", "c": "4"})
    assert [(one.what, one.old, one.new) for one in found] == [
        ("a", "1", "none"),
        ("b", "2", "3"),
        ("c", "none", "4"),
    ]
    assert dict(flatten({"gates": [{"metric": "p99"}], "users": [1, 64]})) == {
        "gates.0.metric": "p99",
        "users": "1 64",
    }
