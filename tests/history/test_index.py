from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portcompare.errors import InputError
from portcompare.history import Filter, is_kept, list_runs, list_trends, note_run, open_history
from portcompare.history.database import DATABASE_FILE, MIGRATIONS
from tests.runs import HOSTILE, NEW, OLD, make_run, store

if TYPE_CHECKING:
    from portcompare.history import IndexedRun

ROOT = Path(__file__).parents[2]
NOTE = "import sys; from pathlib import Path; from portcompare.history import note_run\n"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for number in range(3):
        run = make_run(number, blocks=2, started_at=f"2026-03-0{number + 1}T09:00:00+00:00")
        store(run, tmp_path / "runs" / f"run-{number}")
    return tmp_path / "runs"


def listed(runs: Path) -> tuple[IndexedRun, ...]:
    warnings: list[str] = []
    with open_history(runs, warnings.append) as connection:
        found = list_runs(connection, Filter())
    assert warnings == []
    return found


def folders(runs: Path) -> list[str]:
    return [run.folder for run in listed(runs)]


def version(runs: Path) -> int:
    with closing(sqlite3.connect(runs / DATABASE_FILE)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_it_is_built_from_the_run_folders_and_built_again_when_lost(runs: Path) -> None:
    before = listed(runs)
    assert [run.folder for run in before] == ["run-2", "run-1", "run-0"]
    assert before[0].deployments == (OLD, NEW)
    assert before[0].machine == "a CPU, 2 CPUs, 8.00 GiB"
    (runs / DATABASE_FILE).unlink()
    assert listed(runs) == before


def test_folders_that_came_went_or_changed_are_followed(runs: Path) -> None:
    assert len(folders(runs)) == 3
    shutil.rmtree(runs / "run-1")
    store(make_run(9, blocks=2, started_at="2026-03-09T09:00:00+00:00"), runs / "run-9")
    store(replace(make_run(0, blocks=2), valid=False, partial=True), runs / "run-0")
    found = {run.folder: run for run in listed(runs)}
    assert found.keys() == {"run-0", "run-2", "run-9"}
    assert (found["run-0"].valid, found["run-0"].partial) == (False, True)
    with open_history(runs, pytest.fail) as connection:
        trends = list_trends(connection, found.values(), ["p50"])
    kept = {point.folder for one in trends for point in one.points}
    assert kept == {"run-2", "run-9"}


def test_what_has_not_changed_is_not_read_again(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = listed(runs)
    monkeypatch.setattr("portcompare.history.index.read_results", pytest.fail)
    assert listed(runs) == before


def test_a_broken_run_is_listed_as_such_and_a_foreign_folder_is_not(runs: Path) -> None:
    (runs / "broken").mkdir()
    (runs / "broken" / "results.json").write_text('{"schema_version": 2')
    (runs / "begun").mkdir()
    (runs / "begun" / "loadgen.log").touch()
    (runs / "notes").mkdir()
    (runs / "note.txt").touch()
    (runs / os.fsdecode(b"odd\xff") / "histograms").mkdir(parents=True)
    found = {run.folder: run for run in listed(runs)}
    assert found.keys() == {"run-0", "run-1", "run-2", "broken", "begun"}
    assert "is not JSON" in (found["broken"].broken or "")
    assert "there is no such file" in (found["begun"].broken or "")
    assert found["run-0"].broken is None
    store(make_run(5, blocks=2), runs / "broken")
    assert {run.folder: run for run in listed(runs)}["broken"].broken is None


def test_two_processes_index_at_once_and_lose_nothing(runs: Path) -> None:
    for number in range(3, 11):
        store(make_run(number, blocks=2), runs / f"run-{number}")
    (runs / DATABASE_FILE).unlink(missing_ok=True)
    halves = [
        NOTE + "\n".join(f"note_run(Path(sys.argv[1]) / 'run-{number}')" for number in range(first, 11, 2))
        for first in (0, 1)
    ]
    processes = [
        subprocess.Popen([sys.executable, "-c", half, str(runs)], cwd=ROOT, stderr=subprocess.PIPE)
        for half in halves
    ]
    for process in processes:
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
    with closing(sqlite3.connect(runs / DATABASE_FILE)) as connection:
        (indexed,) = connection.execute("SELECT count(*) FROM runs").fetchone()
        (quantities,) = connection.execute("SELECT count(DISTINCT folder) FROM quantities").fetchone()
    assert (indexed, quantities) == (11, 11)


def test_a_database_of_an_older_version_is_brought_up_to_date(runs: Path) -> None:
    with closing(sqlite3.connect(runs / DATABASE_FILE)) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        stat = (runs / "run-0" / "results.json").stat()
        row = ("run-0", stat.st_size, stat.st_mtime_ns)
        connection.execute("INSERT INTO runs (folder, size_bytes, changed_ns) VALUES (?, ?, ?)", row)
        connection.commit()
    assert version(runs) == 1
    found = listed(runs)
    assert [run.name for run in found] == ["recorded"] * 3
    assert {run.gates for run in found} == {0}
    assert version(runs) == len(MIGRATIONS) == 2


def test_a_database_of_a_newer_version_is_left_alone(runs: Path) -> None:
    listed(runs)
    with closing(sqlite3.connect(runs / DATABASE_FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(InputError, match="is of version 99, and this portcompare knows 2"):
        listed(runs)
    assert version(runs) == 99


def test_what_is_no_database_is_the_users_to_remove(runs: Path) -> None:
    (runs / DATABASE_FILE).write_text("nothing of the kind" * 100)
    with pytest.raises(InputError, match="is built again from the run folders"):
        listed(runs)
    with pytest.raises(InputError, match="cannot be used"):
        note_run(runs / "run-0")


def test_where_nothing_can_be_written_the_folders_are_read_each_time(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcompare.history.index.os.access", lambda *_: False)
    warnings: list[str] = []
    with open_history(runs, warnings.append) as connection:
        assert len(list_runs(connection, Filter())) == 3
    assert warnings == [f"{runs}/history.db cannot be written, so the run folders are read anew each time"]
    assert not (runs / DATABASE_FILE).exists()


def test_odd_names_are_kept_as_they_are(runs: Path) -> None:
    run = replace(make_run(1, blocks=2, candidate=HOSTILE[0], scenario=HOSTILE[1]), name=HOSTILE[1])
    store(run, runs / "a 'quoted' name; DROP TABLE runs")
    found = {each.folder: each for each in listed(runs)}["a 'quoted' name; DROP TABLE runs"]
    assert found.name == HOSTILE[1]
    assert found.deployments == (OLD, HOSTILE[0])


def test_a_run_belongs_to_the_history_beside_it(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs.parent)
    assert is_kept(Path("runs/run-0"))
    assert not is_kept(Path("elsewhere/run-0"))
    runs.rename(runs.parent / "elsewhere")
    assert not is_kept(Path("elsewhere/run-0"))
    note_run(Path("elsewhere/run-0"))
    assert is_kept(Path("elsewhere/run-1"))
    assert [run.folder for run in listed(runs.parent / "elsewhere")] == ["run-2", "run-1", "run-0"]
