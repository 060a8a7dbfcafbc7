from typing import get_args

import pytest

from portcompare import plan
from portcompare.plan import Key, plan_keys
from portcompare.plan.scenarios import Objective
from portcompare.plan.schema import Cost, Cpus, Rounds

KEYS = {key.path: key for key in plan_keys()}


SECTIONS = {
    "": plan.Plan,
    "apps.NAME.": plan.App,
    "deployments.NAME.": plan.Deployment,
    "scenarios.NAME.": plan.Scenario,
    "scenarios.NAME.request.": plan.PlanRequest,
    "scenarios.NAME.load.": plan.ClosedLoad | plan.OpenLoad,
    "scenarios.NAME.load.objective.": Objective,
    "break_even.": plan.BreakEvenGrid,
    "pages.NAME.": plan.Page,
    "claims.NAME.": plan.Claim,
    "claims.NAME.checks.": plan.Check,
    "claims.NAME.checks.of.": plan.Measured,
    "parity.": plan.ParityPlan,
    "gates.": plan.Gate,
    "generator.": plan.Generator,
    "rounds.": Rounds,
    "cpus.": Cpus,
    "cost.": Cost,
}


@pytest.mark.parametrize("prefix", SECTIONS)
def test_every_key_is_listed(prefix: str) -> None:
    listed = {path.removeprefix(prefix).split(".")[0] for path in KEYS if path.startswith(prefix)}
    for section in get_args(SECTIONS[prefix]) or (SECTIONS[prefix],):
        fields = section.model_fields.items()
        assert {field.alias or name for name, field in fields if not field.exclude} <= listed


def test_every_key_that_a_user_can_set_is_described_by_its_name_in_a_plan() -> None:
    assert [key.path for key in KEYS.values() if not key.description] == []
    assert KEYS.keys().isdisjoint({"path", "included", "inline"})
    assert KEYS["scenarios.NAME.request.json"].type == "any value"
    assert not [path for path in KEYS if "json_body" in path]


def test_defaults_are_written_as_in_a_plan() -> None:
    defaults = {
        "baseline": "",
        "include": "[]",
        "locustfile": '"locustfile.py"',
        "rounds.seconds": "1.0",
        "rounds.seed": "1",
        "deployments.NAME.threads": "none",
        "scenarios.NAME.load.model": '"closed"',
        "scenarios.NAME.request.query": "{}",
        "scenarios.NAME.request.body": '""',
    }
    assert {path: KEYS[path].default for path in defaults} == defaults


def test_a_key_knows_its_meaning() -> None:
    assert KEYS["scenarios.NAME.request.method"] == Key(
        path="scenarios.NAME.request.method", type="string", default='"GET"', description="HTTP method"
    )


def test_the_keys_of_a_table_in_several_places_are_listed_once_and_then_only_additional_ones() -> None:
    again = {
        place: {path.removeprefix(place) for path in KEYS if path.startswith(f"{place}.")}
        for place in ("scenarios.NAME.requests", "scenarios.NAME.login", "parity.requests")
    }
    assert again == {
        "scenarios.NAME.requests": {".weight"},
        "scenarios.NAME.login": {".keep"},
        "parity.requests": set(),
    }
    for place in again:
        assert KEYS[place].type == "array of table"
        assert KEYS[place].description.endswith("; its keys are those of `scenarios.NAME.request`")


def test_a_key_of_both_load_models_is_listed_once_with_both_types() -> None:
    listed = [key for key in plan_keys() if key.path == "scenarios.NAME.load.model"]
    assert [(key.type, key.default) for key in listed] == [('"closed" or "open"', '"closed"')]


def test_a_key_that_holds_a_number_or_a_table_is_listed_with_the_tables_keys() -> None:
    assert (KEYS["rounds.margin"].type, KEYS["rounds.margin"].default) == ("number or table", "none")
    assert (KEYS["rounds.margin.p99"].type, KEYS["rounds.margin.p99"].default) == ("number", "0.1")
