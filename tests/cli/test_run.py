from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.cli import run
from tests.runs import make_run

if TYPE_CHECKING:
    import pytest

    from tests.conftest import Command

PLAN = Path(__file__).parents[2] / "loadtests" / "plan.toml"


def test_a_folder_with_brackets_in_its_name_is_told_as_it_is(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "compare", lambda *_, **__: make_run(1, blocks=2))
    exit_code, said, _ = command("run", PLAN, "--out", "[a]/[/x]")
    assert exit_code == 0
    assert said.endswith("\nreport: [a]/[/x]/report.html\n")
