from pathlib import Path

import pytest

from portcompare.cli import run
from portcompare.plan import Plan
from portcompare.records.results import Results
from tests.conftest import Command
from tests.runs import make_run

PLAN = Path(__file__).parents[2] / "loadtests" / "plan.toml"


def test_a_folder_with_brackets_in_its_name_is_told_as_it_is(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "compare", lambda *_, **__: make_run(1, blocks=2))
    for verbose in ((), ("--verbose",)):
        exit_code, said, _ = command("run", PLAN, "--out", "[a]/[/x]", *verbose)
        assert exit_code == 0
        assert said.endswith("\nreport: [a]/[/x]/report.html\n")
        assert ("Server processing" in said) == bool(verbose)


def test_a_budget_on_the_command_line_replaces_the_plans(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[Plan] = []

    def compare(plan: Plan, *_: object) -> Results:
        plans.append(plan)
        return make_run(1, blocks=2)

    monkeypatch.setattr(run, "compare", compare)
    assert command("run", PLAN, "--out", "run", "--budget", "2m")[0] == 0
    assert [plan.rounds.budget_s for plan in plans] == [120.0]
