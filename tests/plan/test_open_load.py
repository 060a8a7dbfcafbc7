from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.errors import Problem
from portcompare.plan import OpenLoad, Plan, load_plan
from portcompare.plan.scenarios import ClosedLoad
from tests.plan.plans import SERVERS, problems_of, spoilt, write

if TYPE_CHECKING:
    from pathlib import Path

LISTED = "`portcompare run --help` lists each key with its type"
MODELS = "should be 'closed' (with `users`) or 'open' (with `rates` or `objective`)"


def with_load(path: Path, load: str, more: str = "") -> Path:
    return write(path / "plan.toml", spoilt("load = { users = [1] }", f"{more}load = {load}"))


def read(path: Path, load: str) -> Plan:
    return load_plan(with_load(path, load), SERVERS)


def test_a_load_without_a_model_is_closed(tmp_path: Path) -> None:
    for load in ("{ users = [8, 1, 8] }", '{ model = "closed", users = [8, 1, 8] }'):
        plan = read(tmp_path, load)
        assert plan.scenarios["fast"].load == ClosedLoad(users=[8, 1, 8])
        assert plan.levels == (("fast", 1), ("fast", 8))
        assert plan.level_text("fast", 8) == "8 users"
        assert plan.scenarios["fast"].load.concurrency(8) == 8


def test_an_open_load_has_rates_for_levels(tmp_path: Path) -> None:
    plan = read(tmp_path, '{ model = "open", rates = [400, 2.5, 400] }')
    assert plan.scenarios["fast"].load == OpenLoad(
        model="open", rates=[400, 2.5, 400], arrivals="poisson", connections=256
    )
    assert plan.levels == (("fast", 2.5), ("fast", 400.0))
    assert plan.level_text("fast", 400.0) == "400 requests/s"
    assert plan.scenarios["fast"].load.concurrency(400.0) == 256


def test_arrivals_and_connections_can_be_chosen(tmp_path: Path) -> None:
    plan = read(tmp_path, '{ model = "open", rates = [1], arrivals = "even", connections = 9 }')
    assert plan.as_json()["scenarios"]["fast"]["load"] == {
        "model": "open",
        "rates": [1.0],
        "objective": None,
        "arrivals": "even",
        "connections": 9,
    }


@pytest.mark.parametrize(
    ("load", "key", "found", "remedy"),
    [
        ("{ rates = [1] }", ".model", "is missing", MODELS),
        ('{ model = "opne", rates = [1] }', ".model", "is 'opne'", MODELS),
        ("{ model = 3, users = [1] }", ".model", "is 3", MODELS),
        ("{}", ".users", "is missing", "add it"),
        ('{ model = "open" }', "", "give exactly one of `rates` and `objective`", LISTED),
        (
            '{ model = "open", rates = [1, 0] }',
            ".rates.1",
            "Input should be greater than 0 (found 0)",
            LISTED,
        ),
        (
            '{ model = "open", rates = [inf] }',
            ".rates.0",
            "Input should be a finite number (found inf)",
            LISTED,
        ),
        ('{ model = "open", rates = [] }', "", "give exactly one of `rates` and `objective`", LISTED),
        (
            '{ model = "open", rates = [1], objective = { p99 = 0.5 } }',
            "",
            "give exactly one of `rates` and `objective`",
            LISTED,
        ),
        ("{ objective = { p99 = 0.5 } }", ".model", "is missing", MODELS),
        (
            '{ model = "open", objective = {} }',
            ".objective",
            "give at least one of `p50`, `p95`, `p99`, `p999`",
            LISTED,
        ),
        (
            '{ model = "open", objective = { p99 = 0 } }',
            ".objective.p99",
            "Input should be greater than 0 (found 0)",
            LISTED,
        ),
        (
            '{ model = "open", objective = { p98 = 0.5 } }',
            ".objective.p98",
            "there is no such key",
            "did you mean 'p99'? Known: p50, p95, p99, p999",
        ),
        (
            '{ model = "open", rates = [1], arrivals = "random" }',
            ".arrivals",
            "Input should be 'poisson' or 'even' (found 'random')",
            LISTED,
        ),
        (
            '{ model = "open", rates = [1], connections = 0 }',
            ".connections",
            "Input should be greater than or equal to 1 (found 0)",
            LISTED,
        ),
        (
            '{ model = "open", rates = [1], arivals = "even" }',
            ".arivals",
            "there is no such key",
            "did you mean 'arrivals'? Known: arrivals, connections, model, objective, rates",
        ),
        (
            '{ users = [1], arrivals = "even" }',
            ".arrivals",
            "there is no such key",
            "known: model, users",
        ),
        (
            "[32]",
            "",
            "Input should be a valid dictionary or instance of ClosedLoad (found [32])",
            LISTED,
        ),
    ],
)
def test_a_wrong_load_is_told_by_its_own_keys(
    tmp_path: Path, load: str, key: str, found: str, remedy: str
) -> None:
    path = with_load(tmp_path, load)
    where = f"{path}: scenarios.fast.load{key}"
    assert problems_of(path) == (Problem(where=where, found=found, remedy=remedy),)


def test_users_of_an_open_load_are_told_to_be_rates(tmp_path: Path) -> None:
    path = with_load(tmp_path, '{ model = "open", users = [1] }')
    assert problems_of(path) == (
        Problem(
            where=f"{path}: scenarios.fast.load.users",
            found="there is no such key",
            remedy="known: arrivals, connections, model, objective, rates",
        ),
    )


def test_too_few_connections_for_the_rate_and_the_delay_are_refused(tmp_path: Path) -> None:
    more = "delay_s = 0.2\nseconds = 1\n"
    enough = with_load(tmp_path, '{ model = "open", rates = [100, 10], connections = 20 }', more)
    assert load_plan(enough, SERVERS).levels[-1] == ("fast", 100.0)

    path = with_load(tmp_path, '{ model = "open", rates = [100, 10], connections = 19 }', more)

    [problem] = problems_of(path)
    assert problem.where == f"{path}: scenarios.fast"
    assert problem.found == (
        "with this delay_s the highest rate needs 20 connections, more than load.connections, 19"
    )


def test_the_limits_of_the_generator_can_be_set(tmp_path: Path) -> None:
    text = spoilt("[scenarios.fast]", "[generator]\nmax_lag_s = 0.5\n\n[scenarios.fast]")
    plan = load_plan(write(tmp_path / "plan.toml", text), SERVERS)
    assert plan.generator.max_lag_s == 0.5
    assert plan.generator.max_cpu_ratio == 0.9


def test_a_rate_can_be_searched_that_keeps_an_objective(tmp_path: Path) -> None:
    plan = read(tmp_path, '{ model = "open", objective = { p99 = 0.5, p50 = 0.1 } }')
    assert plan.searches.keys() == {"fast"}
    assert plan.searches["fast"].limits_s == {"p50": 0.1, "p99": 0.5}
    assert plan.searches["fast"].quantile == 0.99
    assert plan.levels == ()


def test_rates_that_are_given_are_not_searched(tmp_path: Path) -> None:
    assert read(tmp_path, '{ model = "open", rates = [1] }').searches == {}


@pytest.mark.parametrize("limit_s", ["0.2", "0.1"])
def test_an_objective_that_the_delay_makes_impossible_is_refused(tmp_path: Path, limit_s: str) -> None:
    more = "delay_s = 0.2\nseconds = 1\n"
    above = with_load(tmp_path, '{ model = "open", objective = { p99 = 0.5, p50 = 0.21 } }', more)
    assert load_plan(above, SERVERS).searches.keys() == {"fast"}

    load = f'{{ model = "open", objective = {{ p99 = 0.5, p50 = {limit_s} }} }}'
    [problem] = problems_of(with_load(tmp_path, load, more))

    assert problem.where.endswith(": scenarios.fast")
    assert problem.found == (
        "with this delay_s no answer takes less than 0.2 s, "
        f"so the objective p50 = {limit_s} can never be kept"
    )


@pytest.mark.parametrize("load", ["{ users = [1] }", '{ model = "open", rates = [1] }'])
def test_an_objective_beside_levels_is_refused(tmp_path: Path, load: str) -> None:
    more = f'[scenarios.other]\nrequest = {{ path = "/" }}\nload = {load}\n\n[scenarios.fast]'
    text = spoilt("[scenarios.fast]", more)
    text = text.replace(
        'request = { path = "/data" }\nload = { users = [1] }',
        'request = { path = "/data" }\nload = { model = "open", objective = { p99 = 0.5 } }',
    )
    path = write(tmp_path / "plan.toml", text)
    assert problems_of(path) == (
        Problem(
            where=f"{path}: scenarios.fast.load.objective",
            found="is searched for, beside levels that are given: other",
            remedy="give the scenarios with an objective a plan of their own",
        ),
    )


def test_several_objectives_can_be_searched_in_one_plan(tmp_path: Path) -> None:
    load = 'load = { model = "open", objective = { p99 = 0.5 } }'
    more = f'{load}\n\n[scenarios.other]\nrequest = {{ path = "/" }}\n{load}'
    plan = load_plan(write(tmp_path / "plan.toml", spoilt("load = { users = [1] }", more)), SERVERS)
    assert plan.searches.keys() == {"fast", "other"}
