import signal
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from portcompare.errors import InputError, MeasurementError, ServerError
from portcompare.report.formats.results_file import read_results
from portcompare.run import comparison
from portcompare.run.comparison import (
    BackgroundRun,
    find_folder_problems,
    kept_if_broken_off,
    make_folder,
    name_run_folder,
    write_or_say_how,
)
from portcompare.run.journal import JOURNAL_FILE
from portcompare.wire.protocol import LiveSettings, RunRequest
from tests.analyse.samples import ROUND
from tests.measure.plans import make_plan
from tests.run.test_recording import record


def test_a_run_is_named_by_its_time_and_its_plan_and_cannot_lead_elsewhere() -> None:
    began = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for name, safe in {"flask-to-quart": "flask-to-quart", "../é |": "..____"}.items():
        assert name_run_folder(name, began) == Path(f"runs/20260102T030405-{safe}")


def test_a_folder_that_need_not_exist_yet_is_not_made_by_its_check(tmp_path: Path) -> None:
    assert list(find_folder_problems(tmp_path / "a" / "b")) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_being_written_is_refused_until_its_run_ends(tmp_path: Path) -> None:
    with (
        make_folder(tmp_path),
        pytest.raises(InputError, match="another run is being written there"),
        make_folder(tmp_path),
    ):
        pytest.fail("two runs write one folder")
    with make_folder(tmp_path):
        assert list(tmp_path.iterdir()) == []  # the lock is no file


FULL = OSError(ENOSPC, "No space left on device")
KEPT = "is kept, marked partial"


@pytest.mark.parametrize(
    ("error", "writable", "expected"),
    [
        (ServerError("new: ended\nits log"), "rt", ("new: ended", "broke off: new: ended", KEPT)),
        (KeyboardInterrupt(), "rt", ("^$", "interrupted", KEPT)),
        (FULL, "rt", ("the run broke off: .*No space left", "broke off: [Errno 28]", KEPT)),
        (FULL, "t", ("the run broke off: .*No space left", "broke off: [Errno 28]", "File exists")),
        (MemoryError(), "", ("the run broke off: MemoryError", "", "could not be written")),
    ],
)
def test_a_run_that_breaks_off_keeps_what_it_measured_where_it_can_and_says_why(
    error: BaseException,
    writable: str,
    expected: tuple[str, str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """`writable`: "r" for the run's folder, "t" for that of temporary files."""
    places = {"r": tmp_path / "run", "t": tmp_path / "temporary"}
    for name, place in places.items():
        place.mkdir() if name in writable else place.touch()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(places["t"]))
    notes: list[str] = []
    recording, progress = record(make_plan(), places["r"]), Mock(note=notes.append)
    recording.rounds.append(replace(ROUND, deployment="old", scenario="fast", level=8.0))
    raised, reason, note = expected
    is_interrupted = isinstance(error, KeyboardInterrupt)
    with (
        pytest.raises(KeyboardInterrupt if is_interrupted else MeasurementError, match=raised),
        kept_if_broken_off(recording, progress),
    ):
        raise error
    assert note in "".join(notes)
    for path in tmp_path.rglob("results.json"):
        assert read_results(path).stop_reason.startswith(reason)
    is_reported = not is_interrupted
    assert len([*tmp_path.rglob("report.html")]) == (bool(writable) and is_reported)
    assert len([*tmp_path.rglob("results.json")]) == bool(writable)


def test_a_limit_of_addresses_costs_the_reports_and_not_the_results(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("portcompare.report.resource.getrlimit", lambda _: (2**31, -1))
    recording, progress = record(make_plan(), tmp_path), Mock()
    with pytest.raises(MeasurementError, match="broke off"), kept_if_broken_off(recording, progress):
        raise MemoryError
    (note,) = progress.note.call_args.args
    assert "is kept, marked partial" in note
    assert "without reports: [Errno 12] no chart can be drawn with so few addresses" in note
    with pytest.raises(MeasurementError, match=r"the reports cannot be written: .*so few addresses"):
        write_or_say_how(read_results(tmp_path / "results.json"), tmp_path, progress)


def test_an_interruption_while_reports_are_written_says_how_to_have_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording: Any = Mock()
    monkeypatch.setattr(comparison, "write_reports", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_or_say_how(recording, tmp_path / "my run", recording)
    recording.note.assert_called_once_with(
        f"the results are whole, the reports are not: portcompare report '{tmp_path}/my run' writes them"
    )


def test_a_refused_run_leaves_no_folder_that_it_made(tmp_path: Path) -> None:
    with pytest.raises(InputError), make_folder(tmp_path / "runs/first"):
        raise InputError([])
    assert not list(tmp_path.iterdir())


def make_background_run(monkeypatch: pytest.MonkeyPatch, runs: Path) -> BackgroundRun:
    process = Mock(**{"poll.return_value": 130, "log_tail.return_value": ""})
    monkeypatch.setattr(comparison, "start_supervised", Mock(return_value=process))
    monkeypatch.setattr(comparison, "RUNS", runs)
    settings = LiveSettings(scenarios=("fast",), arms=("old", "new"), model="closed", users=1, rate_rps=0)
    request = RunRequest(settings=settings, budget_s=60)
    return BackgroundRun(make_plan(), request, cpus=(), folder=runs)


def test_a_run_in_the_background_is_interrupted_once_and_says_that_nothing_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = Mock()
    monkeypatch.setattr("psutil.Process", Mock(**{"return_value.children.return_value": [program]}))
    run = make_background_run(monkeypatch, tmp_path)
    run.cancel()
    run.cancel()
    program.send_signal.assert_called_once_with(signal.SIGINT)
    assert (run.state.state, run.state.progress) == ("cancelled", "nothing was measured yet")


def test_a_run_in_the_background_that_is_stopped_says_how_it_is_completed_if_it_can_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = make_background_run(monkeypatch, tmp_path)
    assert run.stop() is None
    (tmp_path / run.state.folder / JOURNAL_FILE).parent.mkdir(parents=True)
    (tmp_path / run.state.folder / JOURNAL_FILE).touch()
    assert run.stop() == f"portcompare run --resume {tmp_path / run.state.folder} completes the run under way"
