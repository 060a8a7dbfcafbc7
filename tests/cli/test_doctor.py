import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from portcompare.cli import doctor
from portcompare.cli.options import SCHEMA_VERSION
from portcompare.doctor import ceiling, machine
from portcompare.doctor.machine import Machine
from tests.conftest import Command
from tests.doctor.samples import CEILING

Be = Callable[..., None]


@pytest.fixture(scope="module")
def idle() -> Machine:
    return replace(machine.examine_machine(watch_s=0.01), busy_ratio=0.0)


@pytest.fixture
def be(monkeypatch: pytest.MonkeyPatch, idle: Machine) -> Be:
    """Has the command find an idle machine that differs from this one in some facts."""
    monkeypatch.setenv("COLUMNS", "300")
    return lambda **facts: monkeypatch.setattr(doctor, "examine_machine", lambda: replace(idle, **facts))


def test_json_contains_facts_and_findings_and_is_all_there_is_on_stdout(
    command: Command, be: Be, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("CLOSED_WINDOWS", 2), ("OPEN_WINDOW_S", 0.5), ("OPEN_STEPS", 1)):
        monkeypatch.setattr(ceiling, name, value)
    be()
    exit_code, out, _ = command("doctor", "--json")
    found: dict[str, Any] = json.loads(out)
    assert found["schema_version"] == SCHEMA_VERSION
    assert exit_code == (0 if found["trusted"] else 3)
    assert found["machine"]["cpu_count"] == os.cpu_count()
    measured = found["ceiling"]
    assert 0 < measured["closed_low_rps"] <= measured["closed_rps"] <= measured["closed_high_rps"]
    assert 0 < measured["latency_s"]["p50"] <= measured["latency_s"]["p99"]
    assert measured["error_kinds"] == {}
    for finding in found["findings"]:
        assert finding.keys() == {"subject", "mark", "found", "remedy", "disqualifies"}
        assert finding["mark"] in {"ok", "note", "warning"}


@pytest.fixture
def _not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "measure_ceiling", lambda *_, **__: CEILING)
    for start in ("start_generator", "start_null_server"):
        monkeypatch.setattr(doctor, start, lambda *_: nullcontext())


@pytest.mark.usefixtures("_not_measured")
def test_people_read_a_line_for_each_finding_and_the_remedy_below(command: Command, be: Be) -> None:
    be(backlog_limit=16)
    lines = [line.split() for line in command("doctor")[1].splitlines()]
    subjects = ["CPUs", "open files", "listen backlog", "memory", "clock", "closed load", "open load"]
    for subject in subjects:
        (found,) = [line for line in lines if " ".join(line[1:]).startswith(subject)]
        assert found[0] in {"ok", "note", "warning"}
    (at,) = [place for place, line in enumerate(lines) if line[1:3] == ["listen", "backlog"]]
    assert lines[at][0] == "warning"
    assert lines[at + 1][0] == "->"


@pytest.mark.usefixtures("_not_measured")
def test_a_machine_that_cannot_be_trusted_is_not_valid_and_the_reason_is_on_stderr(
    command: Command, be: Be
) -> None:
    be(busy_ratio=0.9)
    exit_code, out, err = command("doctor", "--json")
    assert exit_code == 3
    assert json.loads(out)["trusted"] is False
    assert "not valid: 90.0% of the busiest CPU used by other processes" in err
