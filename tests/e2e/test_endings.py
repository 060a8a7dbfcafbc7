"""How a run ends that does not come to its end: by a signal, or because a server dies."""

import signal
from collections.abc import Callable
from pathlib import Path

import jsonschema
import psutil
import pytest

from docs.generate import record_schema
from portcompare.run.journal import JOURNAL_FILE
from tests.conftest import Command
from tests.e2e.conftest import Start, read_results
from tests.e2e.processes import are_gone, command_of, is_running, processes_below, servers_below, wait_until


def make_endless(plan: Path) -> None:
    """Have a run of the plan take minutes."""
    plan.write_text(plan.read_text().replace("max_blocks = 2", "max_blocks = 50\nprecision = 0.0001"))


def count_rounds(folder: Path) -> int:
    """How many rounds a run that goes on has measured."""
    journal = folder / JOURNAL_FILE
    return journal.read_text().count('"round": ') if journal.exists() else 0


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_stops_everything_keeps_what_it_measured_and_can_be_completed(
    start: Start, command: Command, plan: Path, tmp_path: Path, ending: signal.Signals
) -> None:
    folder = tmp_path / "run"
    process = start("run", plan, "--out", folder)
    wait_until(lambda: count_rounds(folder) > 6)  # one block has six
    tree = processes_below(process.pid)
    process.send_signal(ending)
    _, err = process.communicate(timeout=300)
    # One that was just being started ends by itself as soon as portcompare is gone.
    wait_until(lambda: are_gone(tree))
    if ending == signal.SIGTERM:
        assert process.returncode == 130, err
        assert str(folder) in err.replace("\n", "")
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


@pytest.mark.parametrize(
    ("command", "phase", "ending"),
    [
        ("run", processes_below, signal.SIGHUP),
        ("run", servers_below, signal.SIGINT),
        ("work", servers_below, signal.SIGINT),
    ],
)
def test_an_interruption_before_the_first_round_leaves_nothing_running(
    start: Start,
    plan: Path,
    command: str,
    phase: Callable[[int], list[psutil.Process]],
    ending: signal.Signals,
) -> None:
    process = start(command, plan)
    wait_until(lambda: phase(process.pid))
    tree = processes_below(process.pid)
    process.send_signal(ending)
    process.communicate(timeout=300)
    assert process.returncode == 130
    wait_until(lambda: are_gone(tree))


def test_a_server_that_dies_ends_the_run_as_not_valid(start: Start, plan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    make_endless(plan)
    process = start("run", plan, "--out", folder)
    wait_until(lambda: count_rounds(folder))

    def kill_the_candidate() -> bool:
        for one in servers_below(process.pid):
            if "async_quart.app:app" in command_of(one) and is_running(one):
                one.kill()
        return process.poll() is not None

    wait_until(kill_the_candidate)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 3
    assert "quart-uvicorn: ended with status" in err
    assert "last lines of" in err
    assert read_results(folder)["partial"]
