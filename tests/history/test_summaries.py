import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from portcompare.history import summaries
from portcompare.history.summaries import find_quantities, list_runs, quantities_of, write_summary
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.run_summary import SUMMARY_FILE, RunSummary, read_quantities
from portcompare.report.formats.results_file import read_results
from tests.altered import known
from tests.runs import HOSTILE, NEW, OLD, make_run, store


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for number in range(3):
        store(make_run(number, blocks=2), tmp_path / "runs" / f"run-{number}")
    return tmp_path / "runs"


def listed(runs: Path) -> dict[str, RunSummary]:
    return {run.folder: run for run in list_runs(runs, pytest.fail)}


def test_runs_are_listed_latest_first_with_what_lists_show(runs: Path) -> None:
    found = listed(runs)
    assert list(found) == ["run-2", "run-1", "run-0"]
    assert found["run-2"].deployments == (OLD, NEW)
    assert found["run-2"].machine == "a CPU, 2 CPUs, 8.00 GiB"
    assert (found["run-2"].valid, found["run-2"].partial) == (True, False)


def test_folders_that_came_went_changed_or_were_renamed_are_followed(runs: Path) -> None:
    assert len(listed(runs)) == 3
    shutil.rmtree(runs / "run-1")
    store(make_run(9, blocks=2), runs / "run-9")
    store(replace(make_run(0, blocks=2), valid=False, partial=True), runs / "run-0")
    (runs / "run-2").rename(runs / "renamed")
    found = listed(runs)
    assert found.keys() == {"run-0", "renamed", "run-9"}
    assert (found["run-0"].valid, found["run-0"].partial) == (False, True)
    assert found["renamed"].folder == "renamed"


def test_results_are_read_once_and_again_when_the_summary_is_lost_or_of_another_version(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list_runs(runs, pytest.fail)
    read: list[str] = []

    def read_and_note(path: Path) -> Results:
        read.append(path.parent.name)
        return read_results(path)

    with monkeypatch.context() as patched:
        patched.setattr(summaries, "read_results", read_and_note)
        assert list_runs(runs, pytest.fail) == before
        assert read == []
        (runs / "run-0" / SUMMARY_FILE).unlink()
        (runs / "run-1" / SUMMARY_FILE).write_text("{", encoding="utf-8")
        stored = (runs / "run-2" / SUMMARY_FILE).read_text(encoding="utf-8")
        (runs / "run-2" / SUMMARY_FILE).write_text(stored.replace('"2, of', '"1, of'), encoding="utf-8")
        list_runs(runs, pytest.fail)
        assert sorted(read) == ["run-0", "run-1", "run-2"]
    assert list_runs(runs, pytest.fail) == before


def test_a_summary_holds_every_quantity_with_its_interval_and_each_candidates_ratio(runs: Path) -> None:
    results = make_run(1, blocks=8)
    found = {(one.level, one.metric, one.deployment): one for one in find_quantities(results)}
    assert {deployment for _, _, deployment in found} == {OLD, NEW}
    new = found[64, "throughput", NEW]
    value, low, high = known(new.value)
    assert low <= value <= high
    assert (new.value.blocks, new.margin, new.level_text) == (8, 0.05, "64 users")
    assert new.ratio is not None
    assert new.ratio.point == pytest.approx(8, rel=0.1)
    assert found[64, "throughput", OLD].ratio is None
    folder = store(results, runs / "run-8")
    assert read_quantities(folder) is None
    assert quantities_of(folder) == find_quantities(read_results(folder / RESULTS_FILE))
    write_summary(results, folder)
    assert read_quantities(folder) == quantities_of(folder) == find_quantities(results)


def test_a_broken_run_is_listed_as_such_and_another_folder_is_not(runs: Path) -> None:
    (runs / "broken").mkdir()
    (runs / "broken" / "results.json").write_text('{"schema_version": 1')
    (runs / "begun").mkdir()
    (runs / "begun" / "loadgen.log").touch()
    (runs / "notes").mkdir()
    (runs / "note.txt").touch()
    (runs / os.fsdecode(b"odd\xff")).mkdir()
    (runs / os.fsdecode(b"odd\xff") / "results.json").touch()
    for _ in range(2):  # made, and then read
        found = listed(runs)
        assert found.keys() == {"run-0", "run-1", "run-2", "broken", "begun"}
        assert "is not JSON" in (found["broken"].broken or "")
        assert "there is no such file" in (found["begun"].broken or "")
        assert found["run-0"].broken is None
    assert [path.name for path in (runs / "begun").iterdir()] == ["loadgen.log"]
    store(make_run(5, blocks=2), runs / "broken")
    assert listed(runs)["broken"].broken is None


def test_where_nothing_can_be_written_the_results_are_read_each_time_and_a_long_wait_is_announced_once(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, _: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(summaries, "_NOTE_AFTER_S", 0.0)
    monkeypatch.setattr(summaries, "write_atomically", refuse)
    for _ in range(2):
        notes: list[str] = []
        assert len(list_runs(runs, notes.append)) == 3
        wait, warning = notes
        assert wait == "reading the results of runs that have no summary yet; this can take a while"
        assert "Permission denied" in warning
        assert warning.endswith("the results of 3 runs are read each time")


def test_odd_names_are_kept_as_they_are(runs: Path) -> None:
    run = replace(make_run(1, blocks=2, candidate=HOSTILE[0], scenario=HOSTILE[1]), name=HOSTILE[1])
    store(run, runs / "a 'quoted' name")
    for _ in range(2):  # made, and then read
        found = listed(runs)["a 'quoted' name"]
        assert found.name == HOSTILE[1]
        assert found.deployments == (OLD, HOSTILE[0])
