import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from docs.generate import record_schema
from tests.cli.conftest import refused
from tests.conftest import Command
from tests.runs import NEW, OLD, make_run, store

PUBLISHED = Path(__file__).parents[2] / "docs" / "history.schema.json"


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path) -> None:
    for number in range(3):
        store(replace(make_run(number, blocks=2), valid=number > 0), tmp_path / "runs" / f"run-{number}")


def test_runs_are_listed_and_filtered(command: Command) -> None:
    code, printed, err = command("history")
    assert (code, err) == (0, "")
    assert [printed.count(f"run-{number}") for number in range(3)] == [1, 1, 1]
    assert printed.count("NOT VALID") == 1
    for filters, count in (
        (["--valid"], 2),
        (["--since", "2026-03-03"], 1),
        (["--since", "2026-03-02T09:00"], 2),
        (["--deployment", OLD, "--name", "run-1"], 1),
    ):
        _, printed, _ = command("history", *filters)
        assert printed.count("run-") == count
    assert command("history", "--deployment", "nobody")[:2] == (0, "no run\n")


def test_a_trend_is_drawn(command: Command) -> None:
    code, printed, err = command(
        "history", "--metric", "throughput", "--scenario", "delayed", "--level", "64", "--candidate", NEW
    )
    assert (code, err) == (0, "")
    assert f"Throughput of {NEW} (delayed, 64 users)" in printed
    assert printed.count("run-") == 2
    _, printed, _ = command("history", "--metric", "p50", "--ratio")
    assert f"p50 of {NEW} / baseline" in printed
    assert f"p50 of {OLD}" not in printed


def test_the_machine_form_satisfies_the_published_schema(command: Command) -> None:
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert schema == record_schema("history"), "run `make docs`"
    for arguments in ([], ["--metric", "p50"]):
        _, printed, _ = command("history", "--json", *arguments)
        data = json.loads(printed)
        jsonschema.Draft202012Validator(schema).validate(data)
        assert len(data["runs"]) == 3
        assert bool(data["trends"]) == bool(arguments)


def test_the_index_page_is_written_beside_the_runs(command: Command, tmp_path: Path) -> None:
    code, printed, _ = command("history", "--html")
    assert (code, printed) == (0, "runs/index.html\n")
    assert "run-2" in (tmp_path / "runs" / "index.html").read_text(encoding="utf-8")
    (tmp_path / "runs" / "index.html").unlink()
    (tmp_path / "runs" / "index.html").mkdir()
    assert "runs/index.html: cannot be written" in refused(command, "history", "--html")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "nowhere: there is no such folder"),
        (["--since", "soon"], "--since: 'soon' is not a date"),
        (["--metric", "p98"], "--metric: there is no metric 'p98'\n    did you mean 'p99'"),
        (["--level", "64"], "--metric: is missing: --scenario, --level"),
        (["--metric", "p50", "--scenario", "fast"], "delayed, 64 users, quart-uvicorn"),
        (["--metric", "p50", "--name", "run-0"], "no run of these is valid and complete"),
    ],
)
def test_wrong_input_is_told_with_what_to_do(command: Command, arguments: list[str], expected: str) -> None:
    assert expected in refused(command, "history", *arguments)
