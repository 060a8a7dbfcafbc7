from pathlib import Path

import pytest

from portcompare.cli import run
from tests.conftest import Command
from tests.runs import note_plans

PLAN = Path(__file__).parents[2] / "loadtests" / "plan.toml"


def test_a_folder_with_brackets_in_its_name_is_told_as_it_is(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_plans(monkeypatch, run)
    for verbose in ((), ("--verbose",)):
        exit_code, said, _ = command("run", PLAN, "--out", "[a]/[/x]", *verbose)
        assert exit_code == 0
        assert said.endswith("\nreport: [a]/[/x]/report.html\n")
        assert ("Server processing" in said) == bool(verbose)


def test_a_budget_on_the_command_line_replaces_the_plans(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = note_plans(monkeypatch, run)
    assert command("run", PLAN, "--out", "run", "--budget", "2m")[0] == 0
    assert [plan.rounds.budget_s for plan in plans] == [120.0]
