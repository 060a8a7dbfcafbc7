from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import typer
from rich.console import Console

from portcompare.cli import doctor
from portcompare.doctor import ceiling, machine

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command with few and short windows and its facts as told, not measured; its exit code."""
    monkeypatch.setattr(ceiling, "CLOSED_WINDOWS", 2)
    monkeypatch.setattr(ceiling, "CLOSED_WINDOW_S", 0.5)  # shorter ones may pass without an answer
    monkeypatch.setattr(ceiling, "OPEN_WINDOW_S", 0.5)
    monkeypatch.setattr(ceiling, "OPEN_STEPS", 1)
    monkeypatch.setattr(doctor, "out", Console(highlight=False, width=300))

    def run_doctor(*, as_json: bool, **facts: Any) -> int:  # noqa: ANN401 - whatever a machine has
        found = replace(machine.examine_machine(watch_s=0.01), busy_ratio=0.0)
        monkeypatch.setattr(doctor, "examine_machine", lambda: replace(found, **facts))
        with pytest.raises(typer.Exit) as ended:
            doctor.doctor(as_json=as_json)
        return ended.value.exit_code

    return run_doctor


def test_json_holds_facts_and_findings_and_is_all_there_is_on_stdout(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code = run(as_json=True)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["schema_version"] == 1
    assert exit_code == (0 if found["trusted"] else 3)
    assert found["machine"]["cpu_count"] == os.cpu_count()
    measured = found["ceiling"]
    assert 0 < measured["closed_low_rps"] <= measured["closed_rps"] <= measured["closed_high_rps"]
    assert 0 < measured["alone_s"]["p50"] <= measured["alone_s"]["p99"]
    assert measured["error_kinds"] == {}
    for finding in found["findings"]:
        assert finding.keys() == {"subject", "mark", "found", "remedy", "disqualifies"}
        assert finding["mark"] in {"ok", "note", "warning"}


def test_people_read_a_line_for_each_finding_and_what_to_do_below(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    run(as_json=False, backlog_limit=16)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    subjects = ["CPUs", "open files", "listen backlog", "memory", "clock", "closed load", "open load"]
    for subject in subjects:
        assert any(
            line[0] in {"ok", "note", "warning"} and line[1:][: len(subject.split())] == subject.split()
            for line in lines
        )
    (at,) = [place for place, line in enumerate(lines) if line[1:3] == ["listen", "backlog"]]
    assert lines[at][0] == "warning"
    assert lines[at + 1][0] == "->"


def test_a_machine_that_cannot_be_trusted_is_not_valid_and_the_reason_is_on_stderr(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(as_json=True, busy_ratio=0.9) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["trusted"] is False
    assert "not valid: 90.0% of the busiest CPU in use by others" in said.err
