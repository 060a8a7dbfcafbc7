"""How a run that is killed is completed."""

from pathlib import Path

from portcompare.run.journal import JOURNAL_FILE
from portcompare.run.recording import read_run
from tests.e2e.conftest import Start
from tests.e2e.processes import wait_until


def count_rounds(folder: Path) -> int:
    """How many rounds a run that goes on has measured."""
    journal = folder / JOURNAL_FILE
    return journal.read_text().count('"round": ') if journal.exists() else 0


def test_a_run_that_is_killed_is_completed(start: Start, plan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start("run", plan, "--out", folder)
    wait_until(lambda: count_rounds(folder) > 6)  # one block has six
    process.kill()
    process.communicate(timeout=300)
    kept = read_run(folder)
    assert kept.partial
    assert len(kept.rounds) == count_rounds(folder)
    process = start("run", plan, "--resume", folder)
    _, err = process.communicate(timeout=300)
    assert "block 1: " not in err
    completed = read_run(folder)
    assert not completed.partial
    assert len(completed.resumed_at) == 1
    assert completed.rounds[:6] == kept.rounds[:6]
    assert len(completed.rounds) == 2 * 6
    assert not (folder / JOURNAL_FILE).exists()
