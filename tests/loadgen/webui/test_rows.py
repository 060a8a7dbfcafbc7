from dataclasses import replace
from random import Random
from typing import Any

import pytest

from portcompare.loadgen.webui.ledger import BATCH_SECONDS, Ledger
from portcompare.loadgen.webui.rows import (
    LEAST_PAIRS,
    ServerUse,
    describe,
    explain,
    find_ratio,
    make_rows,
    sum_up,
)
from portcompare.records.manifest import Ceiling
from portcompare.records.rounds import Usage
from portcompare.wire.protocol import LiveSettings, UiArm, UiPlan, UiScenario
from tests.loadgen.webui.reports import report

FLASK, QUART = ("delayed", "flask"), ("delayed", "quart")
PLAN = UiPlan(
    name="plan",
    arms=(
        UiArm(name="flask", url="", ceilings={"delayed": Ceiling(slots=8, noun="thread")}, cpus=1),
        UiArm(name="quart", url="", cpus=1),
    ),
    scenarios={"fast": UiScenario(name="fast"), "delayed": UiScenario(name="delayed", delay_s=0.2)},
)
SETTINGS = LiveSettings(scenarios=("delayed",), arms=("flask", "quart"), users=32)


def ledger_of(seconds: int) -> Ledger:
    source = Random(3)  # noqa: S311 - to be repeated
    ledger = Ledger(1)
    ledger.note_all_users_started()
    for second in range(seconds):
        flask, quart = (source.randint(rate - 4, rate + 4) for rate in (40, 160))
        ledger.add("one", report(second, {FLASK: [0.8] * flask, QUART: [0.2] * quart}))
    ledger.close_seconds()
    return ledger


def test_a_row_shows_what_an_arm_did_and_how_near_to_its_bound_it_is() -> None:
    uses = {"quart": ServerUse(cpu_s=1.0, cores=0.25, usage=Usage(cpu_s=9.0, rss_bytes=45 * 2**20))}
    flask, quart = make_rows(ledger_of(60), PLAN, SETTINGS, uses)
    assert (flask["arm"], flask["is_baseline"], quart["is_baseline"]) == ("flask", True, False)
    assert (flask["bound_name"], quart["bound_name"]) == ("slots", "users")
    assert "8 threads" in flask["text"]["bound_reason"]
    assert flask["bound_rps"] == pytest.approx(40)
    assert quart["bound_rps"] == pytest.approx(160)
    text = quart["text"]
    assert text["p50"] == text["p99"] == "200"
    assert text["cpu"] == "0.25"
    assert text["rss"] == "45.0 MiB"
    assert flask["text"]["cpu"] == "-"  # not known is not zero
    assert quart["ratio_low"] < 4 < quart["ratio_high"]
    assert quart["pairs"] == 60 // BATCH_SECONDS - 1


def test_fewer_than_five_pairs_cannot_tell() -> None:
    _, quart = make_rows(ledger_of(LEAST_PAIRS * BATCH_SECONDS), PLAN, SETTINGS, {})
    assert quart["ratio"] is None
    assert quart["text"]["ratio"] == f"cannot tell ({LEAST_PAIRS - 1} of {LEAST_PAIRS} pairs)"


def test_a_batch_in_which_one_side_had_no_response_makes_no_pair() -> None:
    batches = [{FLASK: 10, QUART: 20}] * 5 + [{FLASK: 10}] * 3
    pairs, ratio = find_ratio(batches, FLASK, QUART)
    assert pairs == 5
    assert ratio is not None
    assert ratio.point == pytest.approx(2)


def test_without_settings_the_arms_are_those_that_were_counted_and_no_bound_is_known() -> None:
    ledger = Ledger(None)
    ledger.add("one", report(0, {QUART: [0.2]}, test=None))
    (row,) = make_rows(ledger, UiPlan(name="", arms=PLAN.arms), None, {})
    assert (row["scenario"], row["arm"], row["is_baseline"]) == ("delayed", "quart", True)
    assert row["bound_rps"] is None


def test_an_arm_without_a_response_has_a_row_and_the_bound_of_several_scenarios_is_not_known() -> None:
    both = LiveSettings(scenarios=("fast", "delayed"), arms=("flask", "quart"), users=8)
    rows = make_rows(Ledger(1), PLAN, both, {})
    assert [(row["requests"], row["text"]["rate"], row["text"]["p50"]) for row in rows] == [(0, "-", "-")] * 4
    assert {row["bound_rps"] for row in rows + make_rows(ledger_of(2), PLAN, both, {})} == {None}


def test_an_open_load_has_its_offered_rate_and_backlog_and_all_rows_a_total() -> None:
    settings = LiveSettings(scenarios=("delayed",), arms=("flask", "quart"), model="open", rate_rps=50.0)
    ledger = Ledger(1, processes=2)
    for process, backlog in (("one", 9), ("two", 1), ("one", 3)):
        paces = {FLASK: (25, backlog), QUART: (25, 0)}
        ledger.add(process, report(0, {FLASK: [0.8] * 10, QUART: [0.2] * 25}, paces=paces))
    rows = make_rows(ledger, PLAN, settings, {})
    assert [(row["offered_rps"], row["backlog"]) for row in rows] == [(37.5, 4), (37.5, 0)]
    assert (rows[0]["text"]["offered"], rows[0]["text"]["backlog"]) == ("37.5/s", "4")
    assert {"requests": "105", "offered": "75.0/s", "backlog": "4"}.items() <= sum_up(rows).items()
    closed = make_rows(ledger, PLAN, SETTINGS, {})
    assert "backlog" not in closed[0]
    assert (closed[0]["text"]["users"], sum_up(closed)["users"]) == ("32", "64")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "delayed: 32 users on each of 2 deployments (64 in total), delay 200 ms"),
        ({"scenarios": ("fast",), "arms": ("flask",), "users": 1}, "fast: 1 user on flask"),
        ({"model": "open", "rate_rps": 50.0, "delay_s": 0.0}, "50.0/s on each of 2 deployments (100/s in"),
        (
            {"scenarios": ("fast", "delayed")},
            "fast, delayed: 32 users each, on each of 2 deployments (128 in",
        ),
    ],
)
def test_the_load_is_described_for_one_deployment_and_in_total(changes: dict[str, Any], text: str) -> None:
    described = describe(replace(SETTINGS, **changes), PLAN)
    assert text in described
    assert ("delay " in described) == ("delayed" in described and "50.0" not in described)


def test_the_page_explains_what_a_ratio_pairs_and_where_verdicts_come_from() -> None:
    text = explain(SETTINGS)
    for part in ("share this machine", "same 5 seconds", "95% interval", "Verdicts come from a run"):
        assert part in text
    rate = LiveSettings(scenarios=("fast",), arms=("flask", "quart"), model="open", rate_rps=50.0)
    assert "the same 50.0/s at the same instants" in explain(rate)
