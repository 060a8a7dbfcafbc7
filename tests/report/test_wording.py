from dataclasses import replace

import pytest

from portcompare import units
from portcompare.records.estimates import Verdict
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.results import Results
from portcompare.records.rounds import Bound
from portcompare.report import wording
from portcompare.report.sections.conclusions import FEW_BLOCKS, find_notices
from portcompare.report.sections.measured import ROUND_HEADER, arm_rows, round_rows
from portcompare.report.sections.method import machine_facts, method_facts
from tests.altered import altered
from tests.report.conftest import MakeResults


def test_what_is_not_known_is_never_a_number() -> None:
    assert wording.known(None, units.duration) == "not known"
    assert wording.known(0, units.duration) == "0 us"
    assert set(wording.latencies(None).values()) == {"not known"}


@pytest.mark.parametrize(
    ("metric", "verdict", "word"),
    [
        ("cpu_s_per_request", "faster", "cheaper"),
        ("cpu_s_per_request", "slower", "dearer"),
        ("cpu_s_per_request", "equivalent", "equivalent"),
        ("throughput", "faster", "faster"),
        ("p99", "slower", "slower"),
    ],
)
def test_verdicts_on_cost_are_called_by_their_name(metric: MetricName, verdict: Verdict, word: str) -> None:
    assert METRICS[metric].word(verdict) == word


@pytest.mark.parametrize(
    ("model", "level", "text"),
    [
        ("closed", 1.0, "1 user"),
        ("closed", 12345.0, "12,345 users"),
        ("open", 400.5, "400.5 requests/s"),
        ("open", 1.0, "1 request/s"),
        ("unheard-of", 64.0, "level 64"),
    ],
)
def test_a_level_has_the_unit_of_its_load_model(
    model: str, level: float, text: str, results: Results
) -> None:
    plan = {"scenarios": {"s": {"load": {"model": model}}}}
    assert wording.level_text(replace(results, plan=plan), "s", level) == text
    assert wording.level_text(replace(results, plan={}), "s", 8.0) == "level 8"


@pytest.mark.parametrize("iso", ["2026-03-02T09:41:07+00:00", "2026-03-02T09:41:07Z"])
def test_moments_are_told_in_utc(iso: str) -> None:
    assert wording.timestamp(iso) == "2026-03-02 09:41:07 UTC"


def test_long_texts_are_cut_and_say_how_long_they_were() -> None:
    assert wording.clipped("x" * 10, 10) == "x" * 10
    assert wording.clipped("x" * 1234, 10) == "xxxxxxxxxx… (1,234 characters)"


@pytest.mark.parametrize(
    ("blocks", "half_width", "labels"),
    [
        (3, 0.02, ["WARNING"]),  # known well enough to be done early: half the precision, 5%
        (3, 0.03, ["FEW ROUNDS", "WARNING"]),
        (FEW_BLOCKS - 1, 0.03, ["FEW ROUNDS", "WARNING"]),
        (FEW_BLOCKS, 0.03, ["WARNING"]),
    ],
)
def test_few_rounds_are_called_out_unless_a_level_is_known_very_well(
    blocks: int, half_width: float, labels: list[str], make_results: MakeResults
) -> None:
    run = make_results(blocks=blocks)
    comparisons = tuple(
        altered(one, point=1.0, low=1 / (1 + half_width), high=1 + half_width, blocks=blocks)
        for one in run.comparisons
    )
    assert [notice.label for notice in find_notices(replace(run, comparisons=comparisons))] == labels


def test_an_invalid_run_without_a_reason_is_still_called_out(results: Results) -> None:
    notice, *_ = find_notices(replace(results, valid=False))
    assert (notice.label, notice.text) == ("NOT VALID", "no reason was recorded")


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
    assert facts["Validity"] == "no reason against it was found"


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


def test_reasons_against_a_run_stand_in_its_method(hostile: Results) -> None:
    assert dict(method_facts(hostile))["Validity"].startswith("NOT VALID: the control differs by 12%")


def test_an_arm_that_was_never_compared_has_no_ratio_and_no_verdict(results: Results) -> None:
    summaries = tuple(replace(s, ratio=None) for s in results.summaries)
    row = arm_rows(replace(results, comparisons=(), summaries=summaries))[2]
    assert row.cells[4][0] == "not known"


def test_a_round_s_row_has_a_cell_for_each_heading(results: Results) -> None:
    rows = [dict(zip(ROUND_HEADER, row, strict=True)) for row in round_rows(results)]
    discarded = next(row for row in rows if row["Arm"] == "quart-uvicorn" and row["Level"] == "32 users")
    assert discarded["Counts"] == "discarded: responses were wrong"
    assert discarded["Errors"] == "31 (status 500: 31)"
    assert discarded["p50"] == discarded["Bytes per response"] == discarded["Bound"] == "not known"
    first = results.rounds[0]
    assert first.bound
    assert rows[0]["Rate"] == units.rate(first.load.rate_rps)
    assert rows[0]["Bound"] == f"{units.rate(first.bound.rate_rps)} ({first.bound.name})"


def test_a_round_s_row_tells_where_it_stood_and_how_the_generator_kept_its_schedule(results: Results) -> None:
    first, *others = results.rounds
    measured = altered(
        first, offered_rps=400.0, dropped=1200, lag_p99_s=0.0015, lag_max_s=0.02, stall_max_s=0.004,
        steady=False, reconnects=1234,
    )  # fmt: skip
    rows = round_rows(replace(results, rounds=(measured, *others)))
    opened, closed, *_, last = (dict(zip(ROUND_HEADER, row, strict=True)) for row in rows)
    columns = ("Offered", "Not sent", "Lag, p99", "Lag, max", "Stall, max")
    assert [opened[column] for column in columns] == ["400/s", "1,200", "1.50 ms", "20.0 ms", "4.00 ms"]
    assert [closed[column] for column in columns[:4]] == ["not known", "0", "not known", "not known"]
    places = ("Block", "Order", "Steady", "Reconnects")
    assert [opened[column] for column in places] == ["1", "1", "no", "1,234"]
    assert [last[column] for column in places] == ["6", "4", "yes", "0"]


@pytest.mark.parametrize(
    ("name", "share", "text"),
    [
        ("offered", 1.03, "103% of the offered rate, 400/s"),
        ("users", 1.004, "100% of its bound, 400/s: so it is"),
        ("users", 0.5, "50.0% of its bound, 400/s: so it is"),
    ],
)
def test_no_bound_is_said_to_be_beaten(name: str, share: float, text: str, results: Results) -> None:
    bound = Bound(name=name, rate_rps=400.0, reason="so it is")
    summaries = tuple(replace(one, bound=bound, bound_share=share) for one in results.summaries)
    assert {row.bound for row in arm_rows(replace(results, summaries=summaries))} == {text}


def test_the_limits_of_the_load_generator_are_those_of_the_plan(results: Results) -> None:
    limits = {"max_cpu_ratio": 0.8, "max_lag_s": 0.02, "max_stall_s": 0.3}
    facts = dict(method_facts(replace(results, plan=results.plan | {"generator": limits})))
    assert facts["Load generator"] == (
        "a round is discarded in which it used more than 80% of a CPU, was over 20.0 ms late for 1% of the"
        " requests that were due, or stalled for more than 300 ms"
    )
