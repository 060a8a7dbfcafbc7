from pathlib import Path

import pytest

from portcompare.errors import InputError
from portcompare.measure.blocks import Timekeeper
from portcompare.measure.sweeps import plan_break_even
from portcompare.plan import Plan, load_plan
from portcompare.run.narrowing import Narrowing, find_left_out, narrow
from portcompare.serve import vocabulary

PLAN = Path(__file__).parents[2] / "loadtests" / "plan.toml"
BREAK_EVEN = PLAN.with_name("break-even.toml")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan(PLAN, vocabulary())


def test_a_scenario_at_a_load_with_a_delay(plan: Plan) -> None:
    wanted = Narrowing(
        scenarios=["delayed"], arms=["quart-uvicorn", "flask-gunicorn"], users=[7], delay_s=0.5
    )
    narrowed = narrow(plan, wanted)
    assert [arm.name for arm in narrowed.arms] == ["baseline", "control", "flask-gunicorn"]
    assert narrowed.baseline == "quart-uvicorn"
    assert narrowed.levels == (("delayed", 7),)
    scenario = narrowed.scenarios["delayed"]
    assert (scenario.delay_s, scenario.delay_parameter) == (0.5, "delay")
    assert narrowed.window_s("delayed") == 2.5  # a round is never under five delays


def test_a_rate_makes_the_load_open_with_connections_enough(plan: Plan) -> None:
    narrowed = narrow(plan, Narrowing(scenarios=["delayed"], rate_rps=2000.0))
    load = narrowed.scenarios["delayed"].load
    assert load.model == "open"
    assert load.levels == (2000.0,)
    assert load.concurrency(2000.0) == 400


@pytest.mark.parametrize("name", ["claims", "pages"])
def test_a_part_of_a_plan_has_no_gates_claims_and_pages_with_a_note(name: str) -> None:
    whole = load_plan(PLAN.with_name(f"{name}.toml"), vocabulary())
    wanted = Narrowing(scenarios=["delayed"])
    narrowed = narrow(whole, wanted)
    assert (narrowed.gates, narrowed.claims, narrowed.pages) == ([], {}, {})
    found = find_left_out(whole, narrowed)
    assert found == f"only a part of the plan was run, without its {name}: run the whole plan for them"


def test_without_options_the_plan_stays_as_it_is_and_a_plan_of_scenarios_alone_leaves_nothing_out(
    plan: Plan,
) -> None:
    assert narrow(plan, Narrowing()) is plan
    assert find_left_out(plan, plan) is None
    assert find_left_out(plan, narrow(plan, Narrowing(scenarios=["delayed"]))) is None


def test_a_break_even_grid_is_measured_along_its_border_with_other_arms_too() -> None:
    whole = load_plan(BREAK_EVEN, vocabulary())
    narrowed = narrow(whole, Narrowing(arms=["quart-uvicorn", "flask-gunicorn"]))
    assert narrowed.break_even is not None
    assert narrowed.break_even == whole.break_even
    assert find_left_out(whole, narrowed) is None
    block = next(plan_break_even(narrowed, narrowed.break_even, lambda: (), Timekeeper(1e6)))
    assert {place.arm for place in block} == {"baseline", "control", "flask-gunicorn"}
    assert {(place.scenario, place.level) for place in block} < set(whole.levels)


@pytest.mark.parametrize(
    "wanted", [Narrowing(scenarios=["delay 0.1 s"]), Narrowing(users=[4]), Narrowing(delay_s=0.1)]
)
def test_some_cells_of_a_grid_are_plain_levels_with_a_note(wanted: Narrowing) -> None:
    whole = load_plan(BREAK_EVEN, vocabulary())
    narrowed = narrow(whole, wanted)
    assert narrowed.break_even is None
    assert find_left_out(whole, narrowed) == (
        "only a part of the plan was run, without its break-even borders: run the whole plan for them"
    )


def test_a_narrowing_can_be_given_as_options_again() -> None:
    wanted = Narrowing(scenarios=["a b"], arms=["x", "y"], rate_rps=0.5, delay_s=0.1)
    assert wanted.options() == [
        *("--scenario", "a b", "--arm", "x", "--arm", "y", "--rate", "0.5", "--delay", "0.1")
    ]
    assert Narrowing(users=[3]).options() == ["--users", "3"]


def test_all_wrong_options_are_reported_at_once(plan: Plan) -> None:
    with pytest.raises(InputError) as refused:
        narrow(plan, Narrowing(scenarios=["slow"], arms=["django"], users=[1], rate_rps=1.0))
    text = str(refused.value)
    assert "--scenario: the plan has no 'slow'\n    known: delayed, fast" in text
    assert "--arm: the plan has no 'django'" in text
    assert "--arm: django cannot be compared" in text
    assert "--users, --rate: both are given" in text
