from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from portcompare.errors import InputError, MeasurementError, ServerError
from portcompare.run import comparison
from portcompare.run.comparison import (
    find_folder_problems,
    kept_if_broken_off,
    make_folder,
    name_run_folder,
    write_or_say_how,
)


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


class Kept:
    """A recording that only notes what becomes of it."""

    def __init__(self, folder: Path, failure: OSError | None = None) -> None:
        self.folder, self.stop_reason, self.notes = folder, "", list[str]()
        self.reported: list[str] = []
        self._failure = failure

    def save(self, *, partial: bool) -> "Kept":
        assert partial
        if self._failure:
            raise self._failure
        return self

    def note(self, line: str) -> None:
        self.notes.append(line)


FULL = OSError(ENOSPC, "No space left on device")


KEPT = "is kept, marked partial"


@pytest.mark.parametrize(
    ("error", "failure", "expected"),
    [
        (ServerError("new: ended\nits log"), None, ("new: ended", "broke off: new: ended", KEPT)),
        (KeyboardInterrupt(), None, ("^$", "interrupted", KEPT)),
        (FULL, None, ("the run broke off: .*No space left", "broke off: [Errno 28]", KEPT)),
        (FULL, FULL, ("the run broke off: .*No space left", "broke off: [Errno 28]", "could not be written")),
        (MemoryError(), None, ("the run broke off: MemoryError", "broke off: MemoryError", KEPT)),
    ],
)
def test_a_run_that_breaks_off_keeps_what_it_measured_and_says_why(
    error: BaseException,
    failure: OSError | None,
    expected: tuple[str, str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording: Any = Kept(Path("run"), failure)
    monkeypatch.setattr(
        comparison, "write_reports", lambda results, _: recording.reported.append(results.stop_reason)
    )
    raised, reason, note = expected
    is_interrupted = isinstance(error, KeyboardInterrupt)
    kind = KeyboardInterrupt if is_interrupted else MeasurementError
    with pytest.raises(kind, match=raised), kept_if_broken_off(recording, recording):
        raise error
    assert recording.stop_reason.startswith(reason)
    assert len(recording.reported) == (failure is None and not is_interrupted)
    assert note in "".join(recording.notes)


def test_an_interruption_while_reports_are_written_says_how_to_have_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording: Any = Kept(tmp_path)
    monkeypatch.setattr(comparison, "write_reports", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_or_say_how(recording, tmp_path, recording)
    assert recording.notes == [
        f"the results are whole, the reports are not: portcompare report {tmp_path} writes them"
    ]
