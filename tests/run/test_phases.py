"""Runs on their whole way through plan, phases, recording and analysis; servers and load are made up."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcompare.cli.run import _exit_code
from portcompare.http.requests import http_request
from portcompare.measure.blocks import Place, Timekeeper
from portcompare.plan import Plan
from portcompare.records.rounds import Round
from portcompare.report.formats.results_file import read_results, write_results
from portcompare.run import phases
from portcompare.run.recording import recall_run
from tests.altered import altered
from tests.analyse.samples import LATENCY, PARITY, ROUND
from tests.measure.plans import make_plan
from tests.parity.clients import DIFFERENCE
from tests.run.made_up import OTHER_LOAD_S, Run, with_subject

CAPACITIES_RPS = {"baseline": 300.0, "control": 300.0, "new": 900.0}


def in_a_grid(place: Place) -> Round:
    """Eight threads against an event loop, where each request waits."""
    delay_s = float(place.scenario.split()[1])
    slots, cpu_s = (8, 0.0005) if place.arm != "new" else (10**6, 0.001)
    rate_rps = min(min(place.level, slots) / (delay_s + cpu_s), 1 / cpu_s)
    rate_rps *= 1 + 0.001 * (place.order % 5)
    return altered(ROUND, rate_rps=rate_rps, requests=int(rate_rps), cpu_s_per_request=None)


def under_an_objective(place: Place) -> Round:
    kept = place.level <= CAPACITIES_RPS[place.arm]
    open_round = altered(
        ROUND, offered_rps=place.level, rate_rps=place.level, lag_p99_s=0.001, cpu_s_per_request=None
    )
    if kept:
        return open_round
    return altered(open_round, rate_rps=place.level / 2, errors=500, latency_s=replace(LATENCY, p99=2.0))


SMALL_GRID = {"path": "/data", "delay_s": [0, 0.05, 0.2], "users": [1, 8, 64]}


def search_plan() -> Plan:
    load = {"model": "open", "objective": {"p99": 0.5}}
    scenarios = {"front": {"request": {"path": "/"}, "load": load}}
    return with_subject({"scenarios": scenarios}, min_blocks=3, max_blocks=3)


def test_all_arms_of_a_level_take_turns_and_a_level_that_cannot_is_measured_in_windows_while_there_is_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = with_subject({"scenarios": make_plan().scenarios}, min_blocks=3, max_blocks=3)
    run = Run(plan, lambda _: ROUND, tmp_path, too_slow=("fast", 8.0))
    assert {frozenset(arms) for arms in run.in_turns} == {frozenset({"baseline", "control", "new"})}
    assert len(run.in_turns) == 3 * 2 + 1  # what was too slow once is not tried again
    whys = {(one.scenario, one.level): one.why_window for one in run.results.rounds}
    assert whys == {("fast", 1.0): "", ("fast", 8.0): "a response takes 1 s", ("slow", 64.0): ""}
    assert len(run.results.rounds) == 3 * 3 * 3
    monkeypatch.setattr(Timekeeper, "left_s", lambda _: -1.0)
    run = Run(plan, lambda _: ROUND, tmp_path, too_slow=("fast", 8.0))
    first = {(one.scenario, one.level) for one in run.results.rounds if not one.block}
    assert first == {("fast", 1.0), ("slow", 64.0)}


def test_a_run_that_shared_the_machine_with_another_load_test_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OTHER_LOAD_S, 7, 1e4)
    plan = with_subject({"scenarios": make_plan().scenarios}, min_blocks=3, max_blocks=3)
    run = Run(plan, lambda _: ROUND, tmp_path)
    assert [one for one in run.results.warnings if "another load test worked on this machine" in one]


def with_losses(
    make_round: Callable[[Place], Round], every: int, on_loss: Callable[[Place], object] = lambda _: None
) -> Callable[[Place], Round]:
    """Rounds of which every so many lost a load worker, and with it all figures."""
    number = itertools.count(1)

    def make(place: Place) -> Round:
        if next(number) % every:
            return make_round(place)
        on_loss(place)
        lost = altered(ROUND, requests=0, latency_s=None, lost_workers=("h/1",), failure="lost")
        return replace(lost, discarded="lost")

    return make


def test_what_a_lost_worker_touched_is_measured_again_and_discarded_without_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenarios = {"fast": make_plan().scenarios["fast"]}
    plan = with_subject({"scenarios": scenarios}, min_blocks=3, max_blocks=3)
    losses: list[Place] = []
    timekeeper = Timekeeper(1e4, lambda: 60.0 * len(losses))
    monkeypatch.setattr(phases, "Timekeeper", lambda _: timekeeper)
    run = Run(plan, with_losses(lambda _: ROUND, 3, losses.append), tmp_path)
    assert set(timekeeper.longest_s.values()) == {0.0}  # how long a loss took is not expected again
    monkeypatch.undo()
    lost = {(one.block, one.arm, one.level) for one in run.results.rounds if one.load.lost_workers}
    kept = {(one.block, one.arm, one.level) for one in run.results.rounds if not one.load.lost_workers}
    assert set() < lost <= kept
    assert len({(one.block, one.order) for one in run.results.rounds}) == len(run.results.rounds)
    assert not any("were discarded" in reason for reason in run.results.invalid_reasons)
    searched = Run(search_plan(), with_losses(under_an_objective, 4), tmp_path)
    assert any(one.load.lost_workers for one in searched.results.rounds)
    for one in searched.results.sweeps.capacities:
        assert one.rate_rps.point == pytest.approx(CAPACITIES_RPS[one.arm], rel=0.03)


def test_a_grid_is_measured_along_its_border_and_its_cells_are_levels_like_any(tmp_path: Path) -> None:
    grid = {"path": "/", "delay_s": [0, 0.02, 0.1, 0.2], "users": [1, 4, 8, 16, 32, 64]}
    plan = with_subject({"break_even": grid}, min_blocks=2, max_blocks=3, budget_s=86_400)
    run = Run(plan, in_a_grid, tmp_path)
    results = run.results
    found = {one.candidate: one for one in results.sweeps.break_even}
    assert found.keys() == {"control", "new"}
    borders = {one.delay_s: (one.not_at_users, one.wins_from_users) for one in found["new"].borders}
    assert borders == {0.0: (None, None), 0.02: (8, 16), 0.1: (8, 16), 0.2: (8, 16)}
    levels = {(place.scenario, place.level) for place in run.places}
    assert len(levels) < 24
    assert levels == {(one.scenario, one.level) for one in results.comparisons}
    assert levels == {(one.scenario, one.level) for one in results.summaries}
    assert run.settled == []
    knees = {(one.scenario, one.arm): one for one in results.sweeps.knees}
    assert knees["delay 0.2 s", "baseline"].load.point == pytest.approx(8, rel=0.01)
    write_results(results, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json").sweeps == results.sweeps


def test_a_search_finds_the_capacity_of_every_arm_and_its_rates_are_no_levels(tmp_path: Path) -> None:
    run = Run(search_plan(), under_an_objective, tmp_path)
    results = run.results
    found = {one.arm: one for one in results.sweeps.capacities}
    assert list(found) == ["baseline", "control", "new"]
    for arm, one in found.items():
        assert one.rate_rps.point == pytest.approx(CAPACITIES_RPS[arm], rel=0.03)
        assert one.rate_rps.blocks == 3
    assert found["new"].compared.point == pytest.approx(3, rel=0.05)
    assert found["new"].compared.verdict == "faster"
    assert (results.comparisons, results.summaries) == ((), ())
    assert len(results.rounds) == len(run.places)
    assert run.settled == [place.arm for place in run.places]
    # A rate that was too much does not spoil the run.
    assert any(one.load.errors for one in results.rounds)
    assert all(one.discarded is None for one in results.rounds)
    assert results.valid
    assert results.headline == "Another deployment pays on `front`: 3.0x the capacity on new."
    assert results.evidence.startswith("Of 1 comparison of capacities, 1 difference holds, ")
    (conclusion,) = results.conclusions
    assert (conclusion.scenario, conclusion.candidate) == ("front", "new")
    assert conclusion.text.startswith("new has a higher capacity than old (")
    write_results(results, tmp_path / "results.json")
    assert read_results(tmp_path / "results.json").sweeps == results.sweeps


def test_a_control_with_another_capacity_makes_a_run_invalid_and_a_server_that_does_not_settle_is_noted_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(CAPACITIES_RPS, "control", 400.0)
    run = Run(search_plan(), under_an_objective, tmp_path)
    (reason,) = run.results.invalid_reasons
    assert "came out faster in capacity (front, 1.3" in reason
    assert not run.results.valid
    assert run.results.headline.startswith("No answer, as this run is not valid: too noisy")
    run = Run(search_plan(), under_an_objective, tmp_path, lambda arm, _: arm != "new")
    (warning,) = run.results.warnings
    assert warning.startswith("new (front) was still slow 30.0 s after a round")


def test_wrong_bodies_end_a_search_and_are_what_the_run_says_first(tmp_path: Path) -> None:
    def wrong_beyond(place: Place) -> Round:
        made = under_an_objective(place)
        return altered(made, error_kinds={"wrong body": made.load.errors}) if made.load.errors else made

    run = Run(search_plan(), wrong_beyond, tmp_path)
    discarded = [one for one in run.results.rounds if one.discarded is not None]
    assert len(discarded) > 0.2 * len(run.results.rounds)
    assert all(one.discarded == f"responses were wrong: {one.load.errors} x wrong body" for one in discarded)
    assert run.results.headline.startswith("Wrong responses under load: ")
    assert run.results.invalid_reasons == ("responses under load were wrong",)
    for one in run.results.sweeps.capacities:
        assert one.is_at_least
        assert one.reason.startswith("responses were wrong: 500 x wrong body at ")


@pytest.mark.parametrize(
    ("budget_s", "limits_s"), [(55.0, [30.0, 30.0]), (65.0, [30.0, 30.0, 25.0]), (12.0, [12.0])]
)
def test_waiting_is_part_of_a_round_and_does_not_outlast_the_budget(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, budget_s: float, limits_s: list[float]
) -> None:
    now_s, given_s = 0.0, []

    def settle(_arm: str, limit_s: float) -> bool:
        nonlocal now_s
        given_s.append(limit_s)
        now_s += min(limit_s, 20.0)
        return limit_s > 20.0

    monkeypatch.setattr(phases, "Timekeeper", lambda _: Timekeeper(budget_s, lambda: now_s))
    run = Run(search_plan(), under_an_objective, tmp_path, settle)
    assert given_s == pytest.approx(limits_s, abs=1)  # without what a slow machine takes in between
    assert now_s <= budget_s
    assert not any("still slow" in warning for warning in run.results.warnings)


def test_responses_that_differ_before_the_load_end_the_run_and_after_it_make_it_invalid(
    tmp_path: Path,
) -> None:
    different = replace(PARITY, verdict="different", differences=(DIFFERENCE,))
    run = Run(search_plan(), under_an_objective, tmp_path, parities=(different, PARITY))
    assert (run.places, run.checked_after, run.rechecked) == ([], [0], 1)
    assert run.results.stop_reason == "the responses differ"
    assert not run.results.valid
    assert _exit_code(run.results) == 1
    run = Run(search_plan(), under_an_objective, tmp_path, parities=(PARITY, different))
    assert run.checked_after == [0, len(run.places)]
    assert run.results.parity is not None
    assert run.results.parity.differences == (DIFFERENCE,)
    assert "the responses differ in 1 case" in run.results.invalid_reasons
    requests = (http_request("/", method="POST"),)
    run = Run(search_plan(), under_an_objective, tmp_path, requests=requests)
    assert run.checked_after == [0]
    assert any("not compared again after the load" in warning for warning in run.results.warnings)


def in_levels(place: Place) -> Round:
    made = altered(ROUND, cpu_s_per_request=None)
    return altered(made, rate_rps=ROUND.load.rate_rps * (1 + 0.01 * (place.block + place.order)))


@pytest.mark.parametrize(
    ("plan", "make_round"),
    [
        (with_subject({"scenarios": make_plan().scenarios}, min_blocks=4, max_blocks=4), in_levels),
        (with_subject({"break_even": SMALL_GRID}, min_blocks=2, max_blocks=3), in_a_grid),
        (search_plan(), under_an_objective),
    ],
    ids=["levels", "grid", "search"],
)
def test_a_run_that_is_resumed_finds_what_it_would_have_found_without_an_interruption(
    plan: Plan, make_round: Callable[[Place], Round], tmp_path: Path
) -> None:
    whole = Run(plan, make_round, tmp_path / "whole")
    folder, made = tmp_path / "interrupted", 0

    def make_so_many(place: Place) -> Round:
        nonlocal made
        made += 1
        if made > most:
            raise KeyboardInterrupt
        return make_round(place)

    half = len(whole.places) // 2
    for most in (5, half, half + 9):  # noqa: B007 - used where rounds are made
        with pytest.raises(KeyboardInterrupt):
            Run(plan, make_so_many, folder, is_resumed=folder.exists())
    most = 2 * len(whole.places)
    for resumed in (3, 4):  # the second time after all was measured, during the last check
        found = Run(plan, make_so_many, folder, is_resumed=True).results
        assert len(found.resumed_at) == resumed
        times: dict[str, Any] = {"resumed_at": (), "duration_s": 0.0, "started_at": ""}
        assert replace(found, **times) == replace(whole.results, **times)
        most = 0


TWO_LEVELS = {"scenarios": {"front": {"request": {"path": "/"}, "load": {"users": [1, 8]}}}}


def test_a_budget_that_ends_in_the_first_block_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # So much is kept for the report alone; and a window is longer than that.
    for rounds, budget in (({"budget_s": 1}, "1.00 s"), ({"budget_s": 60, "seconds": 600}, "60.0 s")):
        run = Run(with_subject(TWO_LEVELS, **rounds), lambda _: ROUND, tmp_path)
        assert (run.places, run.results.stop_reason) == ([], f"the budget of {budget} ended in block 1")
    ticks = itertools.count()
    monkeypatch.setattr(phases, "Timekeeper", lambda _: Timekeeper(9.0, lambda: float(next(ticks))))
    run = Run(with_subject(TWO_LEVELS), lambda _: ROUND, tmp_path)
    assert 0 < len(run.places) < 6
    assert recall_run(tmp_path).blocks == 0  # what a resumed run measures again
    assert run.results.stop_reason.endswith(" ended in block 1")
    (warning,) = (one for one in run.results.warnings if "budget" in one)
    assert warning.startswith(f"{run.results.stop_reason}, before everything was measured once")
    assert "--budget" in warning
