"""How a run that is killed is completed."""

from pathlib import Path

import jsonschema

from docs.generate import record_schema
from portcompare.run.journal import JOURNAL_FILE
from tests.conftest import Command
from tests.e2e.conftest import Start, read_results
from tests.e2e.processes import are_gone, processes_below, wait_until


def count_rounds(folder: Path) -> int:
    """How many rounds a run that goes on has measured."""
    journal = folder / JOURNAL_FILE
    return journal.read_text().count('"round": ') if journal.exists() else 0


def test_a_run_that_is_killed_leaves_no_process_and_what_it_measured_and_can_be_completed(
    start: Start, command: Command, plan: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    process = start("run", plan, "--out", folder)
    wait_until(lambda: count_rounds(folder) > 6)  # one block has six
    tree = processes_below(process.pid)
    process.kill()
    process.communicate(timeout=300)
    # One that was just being started ends by itself as soon as portcompare is gone.
    wait_until(lambda: are_gone(tree))
    validator = jsonschema.Draft202012Validator(record_schema("results"))
    validator.validate(read_results(folder))
    command("report", folder)
    results = read_results(folder)
    validator.validate(results)
    assert results["partial"]
    assert len(results["rounds"]) == count_rounds(folder)
    process = start("run", plan, "--resume", folder)
    _, err = process.communicate(timeout=300)
    assert "block 1: " not in err
    completed = read_results(folder)
    validator.validate(completed)
    assert not completed["partial"]
    assert len(completed["resumed_at"]) == 1
    assert completed["rounds"][:6] == results["rounds"][:6]
    assert len(completed["rounds"]) == 2 * 6
    assert not (folder / JOURNAL_FILE).exists()
