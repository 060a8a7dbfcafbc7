from pathlib import Path
from unittest.mock import Mock

import pytest

from portcompare.errors import InputError, refuse
from portcompare.measure.blocks import Timekeeper
from portcompare.measure.sweeps import plan_break_even
from portcompare.plan import Plan, load_plan
from portcompare.run import narrowing
from portcompare.run.narrowing import QUICK_S, Narrowing, find_left_out, narrow, quicken
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


TWINS = Path(__file__).parents[2] / "loadtests" / "twins.toml"
LOADS = {"fast": "[1, 32]", "delayed": "[1, 64]", "slow": "[2]"}


@pytest.fixture(autouse=True)
def counter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrowing, "choose_method", lambda: None)


def make_plan(folder: Path, more: str = "", *, load: str = "users = {}") -> Plan:
    tables = [
        f'[scenarios.{name}]\nrequest = {{ path = "/data" }}\nload = {{ {load.format(levels)} }}'
        for name, levels in LOADS.items()
    ]
    candidates = '["flask-waitress", "quart-uvicorn", "quart-hypercorn"]'
    head = f'baseline = "flask-gunicorn"\ncandidates = {candidates}\ninclude = ["{TWINS}"]'
    path = folder / "plan.toml"
    path.write_text("\n".join([head, *tables, "seconds = 20", more]))
    return load_plan(path, vocabulary())


def gate(scenario: str, candidate: str, limits: str = "min_ratio = 1") -> str:
    return f'[[gates]]\nmetric = "throughput"\nscenario = "{scenario}"\ncandidate = "{candidate}"\n{limits}\n'


def test_the_first_port_is_compared_at_one_level_of_each_scenario_that_fits_and_counted(
    tmp_path: Path,
) -> None:
    plan = make_plan(tmp_path)
    part, text = quicken(plan)
    assert part.candidates == ["quart-uvicorn"]
    assert part.levels == (("fast", 32), ("delayed", 64))
    assert part.rounds.budget_s == QUICK_S
    assert part.work is not None
    assert text == (
        "a quick run: quart-uvicorn was compared by fast at 32 users, delayed at 64 users; "
        "left out: flask-waitress, quart-hypercorn, 3 levels, the requests of slow"
    )


def test_what_gates_name_comes_first_and_a_gate_that_is_left_out_is_named(tmp_path: Path) -> None:
    gates = [gate("slow", "quart-hypercorn"), gate("delayed", "quart-hypercorn", "level = 1\nmax_ratio = 2")]
    gates += [gate("delayed", "quart-hypercorn", "level = 64\nmin_ratio = 2")]
    plan = make_plan(tmp_path, "\n".join(gates))
    part, text = quicken(plan, known="known")
    assert part.candidates == ["quart-hypercorn"]
    assert part.levels == (("fast", 32), ("delayed", 1))  # to measure `slow` takes too long beside `delayed`
    assert part.gates == plan.gates[1:2]
    assert text == (
        "known; a quick run: quart-hypercorn was compared by fast at 32 users, delayed at 1 user; "
        "left out: flask-waitress, quart-uvicorn, 3 levels, the requests of slow, "
        "the gate on throughput of quart-hypercorn (slow), "
        "the gate on throughput of quart-hypercorn (delayed at 64 users)"
    )


def test_one_scenario_is_measured_however_long_it_takes(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, gate("slow", "quart-uvicorn"))
    part, text = quicken(plan)
    assert part.levels == (("slow", 2),)
    assert part.work is None
    assert text.endswith(". Instructions were not counted: the load takes all the time")


def test_another_budget_has_room_for_more_or_less(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    less, more = quicken(plan, 60.0)[0], quicken(plan, 1200.0)[0]
    assert (less.levels, less.work, less.rounds.budget_s) == ((("fast", 32),), None, 60.0)
    assert more.levels == (("fast", 32), ("delayed", 64), ("slow", 2))


def test_a_search_becomes_a_level(tmp_path: Path) -> None:
    part, text = quicken(make_plan(tmp_path, load='model = "open", objective = {{ p99 = 1 }}'))
    assert part.searches == {}
    assert part.levels == (("fast", 32), ("delayed", 32))
    assert text.endswith("left out: flask-waitress, quart-hypercorn, the requests of slow, the searches")


@pytest.mark.parametrize("name", ["claims", "pages", "break-even"])
def test_tables_that_need_the_whole_plan_are_named(name: str) -> None:
    plan = load_plan(TWINS.with_name(f"{name}.toml"), vocabulary())
    part, text = quicken(plan)
    assert (part.claims, part.pages, part.break_even) == ({}, {}, None)
    assert f"the {name}" in text


def test_without_a_counter_the_reason_is_said_and_a_plan_that_counts_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        narrowing, "choose_method", Mock(side_effect=refuse("work", "no valgrind", "install it"))
    )
    part, text = quicken(make_plan(tmp_path))
    assert part.work is None
    assert text.endswith(". Instructions were not counted: no valgrind; install it")
    plan = make_plan(tmp_path, "[work]\nrequests = 32")
    assert quicken(plan)[0].work == plan.work  # that it cannot be done is refused, as without --quick
