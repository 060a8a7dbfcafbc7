from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from portcompare.cli.run import _note
from portcompare.history import history_schema
from tests.runs import NEW, OLD, make_run, store

if TYPE_CHECKING:
    from tests.conftest import Command

PUBLISHED = Path(__file__).parents[2] / "docs" / "history.schema.json"


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path) -> None:
    for number in range(3):
        run = make_run(number, blocks=2, started_at=f"2026-03-0{number + 1}T09:00:00+00:00")
        store(replace(run, valid=number > 0), tmp_path / "runs" / f"run-{number}")


def test_runs_are_listed_and_filtered(command: Command) -> None:
    code, told, err = command("history")
    assert (code, err) == (0, "")
    assert [told.count(f"run-{number}") for number in range(3)] == [1, 1, 1]
    assert told.count("NOT VALID") == 1
    for filters, count in (
        (["--valid"], 2),
        (["--since", "2026-03-03"], 1),
        (["--since", "2026-03-02T09:00"], 2),
        (["--deployment", OLD, "--name", "run-1"], 1),
    ):
        _, told, _ = command("history", *filters)
        assert told.count("run-") == count
    assert command("history", "--deployment", "nobody")[:2] == (0, "no run\n")


def test_a_trend_is_drawn(command: Command) -> None:
    code, told, err = command(
        "history", "--metric", "throughput", "--scenario", "delayed", "--level", "64", "--candidate", NEW
    )
    assert (code, err) == (0, "")
    assert f"Throughput of {NEW} (delayed, 64 users)" in told
    assert told.count("run-") == 2
    _, told, _ = command("history", "--metric", "p50", "--ratio")
    assert f"p50 of {NEW} / baseline" in told
    assert f"p50 of {OLD}" not in told


def test_the_machine_form_satisfies_the_published_schema(command: Command) -> None:
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert schema == history_schema(), "run `make docs`"
    for arguments in ([], ["--metric", "p50"]):
        _, told, _ = command("history", "--json", *arguments)
        data = json.loads(told)
        jsonschema.Draft202012Validator(schema).validate(data)
        assert len(data["runs"]) == 3
        assert bool(data["trends"]) == bool(arguments)


def test_the_index_page_is_written_beside_the_runs(command: Command, tmp_path: Path) -> None:
    code, told, _ = command("history", "--html")
    assert (code, told) == (0, "runs/index.html\n")
    assert "run-2" in (tmp_path / "runs" / "index.html").read_text(encoding="utf-8")
    (tmp_path / "runs" / "index.html").unlink()
    (tmp_path / "runs" / "index.html").mkdir()
    code, _, err = command("history", "--html")
    assert code == 2
    assert "runs: the index page cannot be written" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "nowhere: there is no such folder"),
        (["--since", "soon"], "--since: 'soon' is no date"),
        (["--metric", "p98"], "--metric: there is no metric 'p98'\n    did you mean 'p99'"),
        (["--level", "64"], "--metric: is missing: --scenario, --level"),
        (["--metric", "p50", "--scenario", "fast"], "delayed, 64 users, quart-uvicorn"),
        (["--metric", "p50", "--name", "run-0"], "no run of these is valid and complete"),
    ],
)
def test_wrong_input_is_told_with_what_to_do(command: Command, arguments: list[str], expected: str) -> None:
    code, told, err = command("history", *arguments)
    assert (code, told) == (2, "")
    assert expected in err


def test_a_database_that_cannot_be_written_costs_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _note(Path("runs/run-1"))
    assert (tmp_path / "runs" / "history.db").is_file()
    _note(Path("elsewhere/run-1"))
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "runs" / "history.db").unlink()
    (tmp_path / "runs" / "history.db").mkdir()
    assert capsys.readouterr().err == ""
    _note(Path("runs/run-1"))
    told = capsys.readouterr().err
    assert told.startswith("warning: the run is not in the history: runs/history.db: cannot be used")
