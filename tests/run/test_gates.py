from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcompare.analyse.checks import judge_gates
from portcompare.cli.options import parity_exit_code
from portcompare.cli.run import _exit_code
from portcompare.errors import Problem
from portcompare.plan import Plan
from portcompare.plan.types import Origins
from portcompare.records.parity import Parity, ParityVerdict, RequestFault
from portcompare.run.comparison import read_stored_runs
from tests.runs import NEW, OLD, make_run, store

LIMITS = {"metric": "throughput", "scenario": "delayed", "candidate": NEW, "level": 64, "min_ratio": 0.8}
STORED = {"against": "stored"}


def make_plan(folder: Path, *gates: dict[str, Any]) -> Plan:
    return Plan.model_validate(
        {
            "origins": Origins(plan=folder / "plan.toml"),
            "baseline": OLD,
            "candidates": [NEW],
            "apps": {"app": {"target": "service:app", "interface": "wsgi"}},
            "deployments": {name: {"app": "app", "server": "gunicorn"} for name in (OLD, NEW)},
            "scenarios": {"delayed": {"user": "Delayed", "delay_s": 0.2, "load": {"users": [1, 64]}}},
            "gates": list(gates),
        }
    )


def test_a_run_is_judged_by_its_own_baseline() -> None:
    plan = make_plan(Path("/nowhere"), LIMITS | {"min_ratio": 7}, LIMITS | {"level": None, "min_ratio": 7})
    kept, of_one_user, of_many = judge_gates(plan, make_run(1), {})
    assert (kept.check.outcome, kept.passed) == ("kept", True)
    assert (of_one_user.check.subject.level, of_one_user.check.outcome) == (1, "broken")
    assert (of_many.check.subject.level, of_many.check.outcome) == (64, "kept")


@pytest.mark.parametrize("relative", [False, True])
def test_a_slow_down_of_30_percent_against_a_stored_run_fails(relative: bool) -> None:  # noqa: FBT001
    plan = make_plan(Path("/nowhere"), LIMITS | STORED | {"relative": relative})
    stored = {"stored": make_run(1)}
    (kept,) = judge_gates(plan, make_run(2), stored)
    (broken,) = judge_gates(plan, make_run(2, slower=1.3), stored)
    assert (kept.check.outcome, broken.check.outcome) == ("kept", "broken")
    assert broken.check.value.point == pytest.approx(1 / 1.3, rel=0.02)
    assert broken.check.reason == "the whole interval lies below 0.800x"


def test_only_a_relative_gate_bears_a_slower_machine_and_another_machine_or_question_is_not_judged() -> None:
    plan = make_plan(Path("/nowhere"), LIMITS | STORED, LIMITS | STORED | {"relative": True})
    own, relative = judge_gates(plan, make_run(2, all_slower=1.3), {"stored": make_run(1)})
    assert (own.check.outcome, relative.check.outcome) == ("broken", "kept")
    plan = make_plan(Path("/nowhere"), LIMITS | STORED)
    stored = make_run(1)
    elsewhere = replace(stored, manifest=replace(stored.manifest, cpu_count=64))
    (found,) = judge_gates(plan, make_run(2), {"stored": elsewhere})
    assert found.check.reason == "the stored run was made on another machine: cpu_count was 64 and is 2"
    stored.plan["scenarios"]["delayed"]["delay_s"] = 0.1
    (found,) = judge_gates(plan, make_run(2), {"stored": stored})
    assert "it does not send the same" in found.check.reason
    assert not found.passed


def test_a_run_that_is_partial_or_not_valid_passes_no_gate() -> None:
    plan = make_plan(Path("/nowhere"), LIMITS, LIMITS | STORED)
    for change, reason in (
        ({"partial": True}, "the run is partial"),
        ({"valid": False}, "the run is not valid"),
    ):
        run = replace(make_run(1), **change)  # type: ignore[arg-type]
        found = judge_gates(plan, run, {"stored": make_run(2)})
        assert {(one.check.outcome, one.passed, one.check.reason) for one in found} == {
            ("not judged", False, reason)
        }
        assert found[1].check.value.point is None  # and not that of the other comparison


def test_the_exit_code_says_whether_all_gates_are_passed() -> None:
    run = make_run(1)
    plan = make_plan(Path("/nowhere"), LIMITS, LIMITS | {"min_ratio": 100})
    kept, broken = judge_gates(plan, run, {})
    assert _exit_code(replace(run, gates=(kept,))) == 0
    assert _exit_code(replace(run, gates=(kept, broken))) == 1
    assert _exit_code(replace(run, valid=False, gates=(broken,))) == 3


FAULT = RequestFault(case="GET /bad", found="status 500", remedy="correct it")


@pytest.mark.parametrize(
    ("verdict", "faults", "code"),
    [
        ("alike", (), 0),
        ("different", (), 1),
        ("different", (FAULT,), 2),
        ("not compared", (FAULT,), 2),
        ("not compared", (), 3),
    ],
)
def test_a_run_ends_as_a_check_of_the_same_responses_does(
    verdict: ParityVerdict, faults: tuple[RequestFault, ...], code: int
) -> None:
    parity = Parity(verdict=verdict, cases=2, deployments=("new",), differences=(), faults=faults)
    assert _exit_code(replace(make_run(1), gates=(), parity=parity)) == code == parity_exit_code(parity)


def test_a_stored_run_that_cannot_be_compared_with_is_reported_before_anything_is_measured(
    tmp_path: Path,
) -> None:
    plan = make_plan(
        tmp_path,
        LIMITS | STORED,
        LIMITS | {"against": "broken"},
        LIMITS | {"against": "other", "relative": True},
    )
    store(replace(make_run(1), partial=True, valid=False, invalid_reasons=("noise",)), tmp_path / "stored")
    other = make_run(1, candidate="another")
    turned = tuple(
        replace(one, deployment="gevent") if one.arm == "baseline" else one for one in other.rounds
    )
    store(replace(other, rounds=turned), tmp_path / "other")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "results.json").write_text("{}")
    problems: list[Problem] = []
    stored = read_stored_runs(plan, problems)
    assert stored.keys() == {"stored", "other"}
    found = [(one.where.rpartition("gates.")[2], one.found) for one in problems]
    assert found[:2] == [("0.against", "that run is partial"), ("0.against", "that run is not valid: noise")]
    assert found[2][0] == "1.against"
    assert "schema_version" in found[2][1]
    assert found[3:] == [
        ("2.against", f"the baseline of that run is 'gevent', not '{OLD}'"),
        ("2.against", f"that run did not measure {NEW} (delayed, 64 users)"),
    ]
    store(make_run(1), tmp_path / "stored")
    sound = make_plan(tmp_path, LIMITS, LIMITS | STORED, LIMITS | STORED | {"level": None})
    problems.clear()
    assert read_stored_runs(sound, problems).keys() == {"stored"}
    assert problems == []
