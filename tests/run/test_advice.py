from dataclasses import replace
from pathlib import Path

import pytest

from portcompare.errors import refuse
from portcompare.plan import Plan
from portcompare.records.estimates import Comparison
from portcompare.records.results import Results
from portcompare.records.rounds import CONTROL
from portcompare.run import advice
from portcompare.run.advice import judge_trial, plan_trial, try_advice
from portcompare.run.progress import Progress
from tests.altered import altered
from tests.analyse.samples import ADVICE, COMPARISON, PARITY
from tests.measure.plans import add_open, make_plan
from tests.runs import make_run

MOVE = replace(ADVICE, text="Move it", effort="code", change={})
CONTROLS = altered(COMPARISON, candidate=CONTROL)


def measured(low: float, high: float, metric: str = "throughput") -> Comparison:
    return altered(COMPARISON, metric=metric, point=(low * high) ** 0.5, low=low, high=high)


def run_of(*found: Comparison, valid: bool = True) -> Results:
    return replace(make_run(1, blocks=2), comparisons=(CONTROLS, *found), valid=valid, headline="too noisy")


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (3.8, 4.2, "confirmed"),
        (2.5, 3.0, "confirmed"),  # what is said is the most that is possible
        (6.0, 7.0, "confirmed"),
        (1.2, 2.1, "confirmed"),
        (1.2, 1.9, "withdrawn"),  # less than half of it, on a logarithmic scale
        (0.98, 1.02, "withdrawn"),
        (0.9, 1.3, "withdrawn"),
        (1.04, 2.06, "not decided"),
        (0.5, 4.5, "not decided"),  # too wide to mean anything
    ],
)
def test_advice_is_judged_by_the_whole_interval(low: float, high: float, outcome: str) -> None:
    tried = judge_trial(ADVICE, run_of(measured(low, high)), "throughput", 0.05)
    assert tried.outcome == outcome
    assert replace(tried, outcome=ADVICE.outcome, measured=None) == ADVICE


def test_response_times_are_judged_by_how_much_shorter_they_are() -> None:
    tried = judge_trial(ADVICE, run_of(measured(0.2, 0.3, "p50")), "p50", 0.05)
    assert tried.outcome == "confirmed"
    assert tried.measured is not None
    assert tried.measured.interval == pytest.approx((1 / 0.3, 1 / 0.2))


def test_a_trial_that_is_not_valid_decides_nothing_and_other_responses_withdraw() -> None:
    invalid = judge_trial(ADVICE, run_of(measured(3.8, 4.2), valid=False), "throughput", 0.05)
    assert (invalid.outcome, invalid.measured and invalid.measured.reason) == ("not decided", "too noisy")
    parity = replace(PARITY, verdict="different")
    different = judge_trial(ADVICE, replace(run_of(), parity=parity), "throughput", 0.05)
    assert different.outcome == "withdrawn"


def test_the_deployment_is_measured_beside_itself_with_the_change_at_the_highest_level() -> None:
    plan = make_plan()
    fixed = plan.deployments["old"].model_copy(update={"port": 8000, "workers": 2})
    plan = plan.model_copy(update={"deployments": plan.deployments | {"old": fixed}})
    trial = plan_trial(plan, ADVICE)
    changed = trial.deployments["old-threads-64"]
    assert (trial.baseline, trial.candidates) == ("old", ["old-threads-64"])
    assert (changed.threads, changed.workers, changed.port, changed.app) == (64, 2, None, "app")
    adapted = fixed.model_copy(update={"server": "uvicorn", "adapter": "a2wsgi"})
    plan = plan.model_copy(update={"deployments": plan.deployments | {"old": adapted}})
    waitress = plan_trial(plan, replace(ADVICE, change={"server": "waitress"}))
    assert waitress.deployments["old-server-waitress"].adapter is None
    assert plan_trial(plan, ADVICE).deployments["old-threads-64"].adapter == "a2wsgi"
    assert trial.levels == (("slow", 64),)
    assert plan_trial(plan, replace(ADVICE, scenario="fast")).levels == (("fast", 8),)
    assert plan_trial(add_open(plan), replace(ADVICE, scenario="open")).levels == (("open", 400.0),)


def test_what_needs_no_edit_is_tried_and_what_cannot_be_measured_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def compare(plan: Plan, *_: object) -> Results:
        if "old-server-gunicorn-gevent" in plan.candidates:
            raise refuse("old", "gevent is not installed", "install it")
        good = "old-threads-64" in plan.candidates
        return run_of(measured(3.8, 4.2) if good else measured(0.98, 1.02))

    monkeypatch.setattr(advice, "compare", compare)
    gevent = replace(ADVICE, change={"server": "gunicorn-gevent"})
    backlog = replace(ADVICE, change={"backlog": 9})
    with Progress() as progress:
        tried = try_advice(make_plan(), [backlog, gevent, MOVE, ADVICE], tmp_path, progress)
    assert [one.outcome for one in tried] == ["confirmed", "not tried", "not decided", "withdrawn"]
    assert tried[1] is MOVE
    assert tried[2].measured is not None
    assert tried[2].measured.reason == "it cannot be measured: old: gevent is not installed"
