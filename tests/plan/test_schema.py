from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from portcompare.plan import Plan, load_plan
from portcompare.records.results import Arm
from tests.plan.plans import GOOD, SERVERS, problems_of, spoilt, write


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return load_plan(write(tmp_path / "plan.toml", GOOD), SERVERS)


def test_what_the_plan_leaves_out_has_a_default(plan: Plan, tmp_path: Path) -> None:
    assert plan.rounds.seconds == 1.0
    assert plan.rounds.precision == 0.025
    assert plan.rounds.min_blocks == 5
    assert plan.rounds.max_blocks == 10
    assert plan.parity.requests == []
    assert plan.cpus.server is None
    assert plan.scenarios["fast"].load.model == "closed"
    assert plan.apps["flask"].ready_path is None
    assert plan.apps["flask"].ready_target == "/"
    assert plan.deployments["old"].threads is None
    assert plan.path == tmp_path / "plan.toml"


def test_the_arms_are_baseline_control_and_candidates(tmp_path: Path) -> None:
    text = spoilt('["new"]', '["new", "newer"]') + '[deployments.newer]\napp = "quart"\nserver = "uvicorn"\n'

    assert load_plan(write(tmp_path / "plan.toml", text), SERVERS).arms == (
        Arm(name="baseline", deployment="old"),
        Arm(name="control", deployment="old"),
        Arm(name="new", deployment="new"),
        Arm(name="newer", deployment="newer"),
    )


def test_levels_rise_and_stand_once(tmp_path: Path) -> None:
    text = spoilt("users = [1]", "users = [64, 1, 8, 64]")

    plan = load_plan(write(tmp_path / "plan.toml", text), SERVERS)

    assert plan.levels == (("fast", 1), ("fast", 8), ("fast", 64))


def test_a_scenario_may_have_rounds_of_its_own_length(tmp_path: Path) -> None:
    text = spoilt(
        "[scenarios.fast]",
        '[scenarios.long]\nseconds = 7\nrequest = { path = "/" }\nload = { users = [1] }\n\n[scenarios.fast]',
    )

    plan = load_plan(write(tmp_path / "plan.toml", text), SERVERS)

    assert plan.window_s("long") == 7
    assert plan.window_s("fast") == 1.0


def test_paths_are_seen_from_the_plan_file(plan: Plan, tmp_path: Path) -> None:
    assert plan.resolve(plan.locustfile) == tmp_path / "locustfile.py"
    assert plan.resolve(plan.apps["flask"].directory) == tmp_path.parent
    assert plan.resolve(Path("/absolute")) == Path("/absolute")


def test_as_json_holds_every_default_and_not_where_the_file_is(plan: Plan) -> None:
    written = json.loads(json.dumps(plan.as_json()))

    assert written["rounds"]["timeout_s"] == 30.0
    assert written["deployments"]["old"]["workers"] is None
    assert written["locustfile"] == "locustfile.py"
    assert "path" not in written


def test_servers_listen_on_one_address_that_workers_can_be_told(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    assert str(load_plan(write(path, 'host = "10.0.0.5"\n' + GOOD), SERVERS).host) == "10.0.0.5"
    for wrong in ("0.0.0.0", "localhost", "::1"):  # noqa: S104 - refused
        (problem,) = problems_of(write(path, f'host = "{wrong}"\n' + GOOD))
        assert problem.where.endswith(": host")


def test_a_plan_does_not_change(plan: Plan) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        plan.baseline = "new"  # type: ignore[misc] # that it cannot be is what is tested


def with_margin(tmp_path: Path, margin: str) -> Plan:
    return load_plan(write(tmp_path / "plan.toml", f"{GOOD}[rounds]\nmargin = {margin}\n"), SERVERS)


def test_tails_have_a_wider_margin_by_default(plan: Plan) -> None:
    assert plan.rounds.margins == {
        "throughput": 0.05,
        "p50": 0.05,
        "p95": 0.1,
        "p99": 0.1,
        "cpu_s_per_request": 0.05,
    }


def test_one_margin_is_for_all_metrics(tmp_path: Path) -> None:
    assert set(with_margin(tmp_path, "0.2").rounds.margins.values()) == {0.2}


def test_a_table_of_margins_leaves_the_other_metrics_their_defaults(tmp_path: Path, plan: Plan) -> None:
    margins = with_margin(tmp_path, "{ p50 = 0.03, p99 = 0.3 }").rounds.margins
    assert margins == plan.rounds.margins | {"p50": 0.03, "p99": 0.3}


@pytest.mark.parametrize(
    ("margin", "key", "found"),
    [
        ("0", "rounds.margin", "greater than 0 (found 0)"),
        ("1.0", "rounds.margin", "less than 1 (found 1.0)"),
        ('"wide"', "rounds.margin", "valid number (found 'wide')"),
        ("{ p50 = 2.0 }", "rounds.margin.p50", "less than 1 (found 2.0)"),
        ("{ p90 = 0.1 }", "rounds.margin.p90", "there is no such key"),
    ],
)
def test_a_wrong_margin_is_told_once_with_its_key(margin: str, key: str, found: str, tmp_path: Path) -> None:
    path = write(tmp_path / "plan.toml", f"{GOOD}[rounds]\nmargin = {margin}\n")
    [problem] = problems_of(path)
    assert problem.where == f"{path}: {key}"
    assert problem.found.endswith(found)
