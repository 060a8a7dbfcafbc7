from pathlib import Path
from unittest.mock import Mock

import pytest

from portcompare.errors import refuse
from portcompare.plan import Plan, load_plan
from portcompare.run import quick
from portcompare.run.quick import QUICK_S, quicken
from portcompare.serve import vocabulary

TWINS = Path(__file__).parents[2] / "loadtests" / "twins.toml"
LOADS = {"fast": "[1, 32]", "delayed": "[1, 64]", "slow": "[2]"}


@pytest.fixture(autouse=True)
def counter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "choose_method", lambda: None)


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
    monkeypatch.setattr(quick, "choose_method", Mock(side_effect=refuse("work", "no valgrind", "install it")))
    part, text = quicken(make_plan(tmp_path))
    assert part.work is None
    assert text.endswith(". Instructions were not counted: no valgrind; install it")
    plan = make_plan(tmp_path, "[work]\nrequests = 32")
    assert quicken(plan)[0].work == plan.work  # that it cannot be done is refused, as without --quick
