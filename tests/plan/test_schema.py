import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from portcompare.plan import Plan
from portcompare.plan.keys import plan_keys
from portcompare.records.rounds import Arm
from tests.plan.plans import GOOD, changed, faults_of, load


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return load(tmp_path, GOOD)


def test_keys_that_the_plan_leaves_out_have_defaults(plan: Plan, tmp_path: Path) -> None:
    rounds = plan.rounds
    found = (rounds.seconds, rounds.precision, rounds.min_blocks, rounds.max_blocks)
    assert found == (1.0, 0.025, 5, 10)
    assert (plan.parity.requests, plan.cpus.server, plan.deployments["old"].threads) == ([], None, None)
    assert (plan.apps["flask"].ready_path, plan.apps["flask"].ready_target) == (None, "/")
    assert plan.path == tmp_path / "plan.toml"
    limits = load(tmp_path, GOOD + "[generator]\nmax_lag_s = 0.5\n").generator
    assert (limits.max_lag_s, limits.max_cpu_ratio) == (0.5, 0.9)


def test_the_arms_are_baseline_control_and_candidates(tmp_path: Path) -> None:
    text = changed('["new"]', '["new", "newer"]') + '[deployments.newer]\napp = "quart"\nserver = "uvicorn"\n'
    assert load(tmp_path, text).arms == (
        Arm(name="baseline", deployment="old"),
        Arm(name="control", deployment="old"),
        Arm(name="new", deployment="new"),
        Arm(name="newer", deployment="newer"),
    )


def test_a_plan_is_frozen_and_its_paths_are_relative_to_its_file(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        plan.baseline = "new"  # type: ignore[misc] # that it cannot be is what is tested
    assert plan.resolve(plan.locustfile) == tmp_path / "locustfile.py"
    assert plan.resolve(plan.apps["flask"].directory) == tmp_path.parent
    assert plan.resolve(Path("/absolute")) == Path("/absolute")


def test_the_plan_as_json_contains_every_default_but_not_the_place_of_its_file(plan: Plan) -> None:
    written = json.loads(json.dumps(plan.as_json()))
    assert written["rounds"]["timeout_s"] == 30.0
    assert written["deployments"]["old"]["workers"] is None
    assert written["locustfile"] == "locustfile.py"
    assert written.keys().isdisjoint({"path", "included", "inline"})


def test_servers_listen_on_one_address_of_ipv4(tmp_path: Path) -> None:
    assert str(load(tmp_path, 'host = "10.0.0.5"\n' + GOOD).host) == "10.0.0.5"
    for wrong in ("0.0.0.0", "localhost", "::1"):  # noqa: S104 - refused
        assert [key for key, _ in faults_of(tmp_path, f'host = "{wrong}"\n' + GOOD)] == ["host"]


def with_margin(margin: str) -> str:
    return f"{GOOD}[rounds]\nmargin = {margin}\n"


def test_a_margin_is_one_for_all_metrics_or_a_table_and_wider_for_tails_by_default(
    tmp_path: Path, plan: Plan
) -> None:
    default = {"throughput": 0.05, "p50": 0.05, "p95": 0.1, "p99": 0.1, "cpu_s_per_request": 0.05}
    default["instructions"] = 0.01
    assert plan.rounds.margins == default
    assert set(load(tmp_path, with_margin("0.2")).rounds.margins.values()) == {0.2}
    margins = load(tmp_path, with_margin("{ p50 = 0.03, p99 = 0.3 }")).rounds.margins
    assert margins == default | {"p50": 0.03, "p99": 0.3}


@pytest.mark.parametrize("turn_s", ["0.009", "0.51", "-0.1", "nan"])
def test_a_turn_is_neither_too_short_to_be_timed_nor_as_long_as_a_window(tmp_path: Path, turn_s: str) -> None:
    assert load(tmp_path, f"{GOOD}[rounds]\nturn_s = 0.0\n").rounds.turn_s == 0
    wrong = faults_of(tmp_path, f"{GOOD}[rounds]\nturn_s = {turn_s}\n")
    assert [key for key, _ in wrong] == ["rounds.turn_s"]


def test_every_number_of_a_plan_has_an_upper_bound() -> None:
    unbounded: set[str] = set()

    def look(node: object, key: str) -> None:
        if isinstance(node, dict):
            if node.get("type") in ("integer", "number") and not node.keys() & {
                "maximum",
                "exclusiveMaximum",
            }:
                unbounded.add(key)
            for name, value in node.items():
                look(value, key if name in ("items", "anyOf", "additionalProperties") else name)
        for value in node if isinstance(node, list) else ():
            look(value, key)

    look(Plan.model_json_schema(), "")
    checked_by_itself, sent_as_it_is, any_order = {"turn_s", "level"}, {"query", "form"}, {"seed"}
    assert unbounded == checked_by_itself | sent_as_it_is | any_order


def test_every_key_that_a_user_can_set_is_described_once_by_its_name_in_a_plan() -> None:
    keys = list(plan_keys())
    paths = {key.path for key in keys}
    assert len(paths) == len(keys)
    assert [key.path for key in keys if not key.description] == []
    assert paths.isdisjoint({"path", "included", "inline"})
    assert not [path for path in paths if "json_body" in path]
