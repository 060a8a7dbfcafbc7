from typing import get_args

import pytest

from portcompare.plan import apps, checks, requests, scenarios, schema
from portcompare.plan.keys import Key, plan_keys

KEYS = {key.path: key for key in plan_keys()}


SECTIONS = {
    "": schema.Plan,
    "apps.NAME.": apps.App,
    "deployments.NAME.": apps.Deployment,
    "scenarios.NAME.": scenarios.Scenario,
    "scenarios.NAME.request.": requests.PlanRequest,
    "scenarios.NAME.load.": scenarios.ClosedLoad | scenarios.OpenLoad,
    "scenarios.NAME.load.objective.": scenarios.Objective,
    "break_even.": scenarios.BreakEvenGrid,
    "pages.NAME.": scenarios.Page,
    "claims.NAME.": checks.Claim,
    "claims.NAME.checks.": checks.Check,
    "claims.NAME.checks.of.": checks.Measured,
    "parity.": schema.ParityPlan,
    "gates.": checks.Gate,
    "generator.": schema.Generator,
    "rounds.": schema.Rounds,
    "cpus.": schema.Cpus,
    "cost.": schema.Cost,
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
