import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram

from portcompare.errors import InputError
from portcompare.measure.rounds import MeasuredRound
from portcompare.plan import Plan
from portcompare.records.pages import PageVisit
from portcompare.records.results import RESULTS_FILE
from portcompare.records.work import Work
from portcompare.report.formats.histograms import HISTOGRAM_FOLDER
from portcompare.report.formats.results_file import read_results
from portcompare.run.journal import JOURNAL_FILE, cut_torn_line
from portcompare.run.recording import NO_END, Recording, read_run, recall_run
from tests.analyse.samples import PARITY, ROUND
from tests.measure.plans import make_manifest, make_plan, paged

NOTHING = HdrHistogram(1, 10**6, 3).encode().decode()


def record(plan: Plan, folder: Path, **manifest: Any) -> Recording:  # noqa: ANN401 - any of its fields
    return Recording(
        plan=plan,
        manifest=replace(make_manifest(), **manifest),
        folder=folder,
        started_at=datetime.now(UTC),
        began_s=time.monotonic(),
    )


def test_secrets_of_apps_and_deployments_do_not_go_into_the_results(tmp_path: Path) -> None:
    plan, secret = make_plan(), {"environment": {"API_KEY": "hidden", "MODE": "shown"}}
    old, app = plan.deployments["old"].model_copy(update=secret), plan.apps["app"].model_copy(update=secret)
    changed = {"deployments": plan.deployments | {"old": old}, "apps": {"app": app}}
    written = record(plan.model_copy(update=changed), tmp_path).results(partial=True).plan
    for place in (written["deployments"]["old"], written["apps"]["app"]):
        assert place["environment"] == {"API_KEY": "***", "MODE": "shown"}
    assert old.environment["API_KEY"] == "hidden"


def test_what_is_known_of_machine_servers_and_responses_is_a_warning(tmp_path: Path) -> None:
    running, other = make_manifest().deployments
    recording = record(
        make_plan(),
        tmp_path,
        differences=("threads: old 8, new none", "loop: old none, new uvloop"),
        deployments=(replace(running, kind="url"), other),
    )
    recording.begin()
    recording.add_parity(replace(PARITY, warnings=("not all was compared",)))
    warnings = recording.results(partial=True).warnings
    assert (
        "not alike besides app and server: threads: old 8, new none; loop: old none, new uvloop" in warnings
    )
    assert any(one.startswith("CPU time and memory of old are not known") for one in warnings)
    assert any(one.startswith("the control is no second instance of old") for one in warnings)
    assert "not all was compared" in warnings
    assert record(make_plan(), tmp_path).results(partial=True).warnings == ()


def test_a_visit_whose_load_failed_is_kept_as_discarded(tmp_path: Path) -> None:
    recording = record(paged(), tmp_path)
    recording.begin()
    visit = PageVisit(block=0, order=0, arm="baseline", deployment="old", page="busy", users=8, loads=())
    recording.add_visit(replace(visit, users_load=replace(ROUND.load, requests=100)))
    recording.add_visit(
        replace(visit, users_load=replace(ROUND.load, requests=0, error_kinds={"timeout": 8}))
    )
    kept = recording.results(partial=True).pages.visits
    assert [one.discarded for one in kept] == [None, "under load no request succeeded: 8 x timeout"]


def test_a_killed_run_loses_nothing_that_its_journal_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(paged(), tmp_path)
    recording.begin()
    recording.add_parity(replace(PARITY, warnings=("not all was sent",)))
    recording.add_warning("the machine is busy")
    recording.add_work(Work(not_counted={"old": "no counter"}))
    for arm, deployment in {"baseline": "old", "new": "new"}.items():
        one = replace(ROUND, arm=arm, deployment=deployment, scenario="fast", level=8.0)
        recording.add_round(MeasuredRound(round=one, histogram=NOTHING))
    recording.browser = "Chromium 1"
    recording.add_visit(
        PageVisit(block=0, order=0, arm="baseline", deployment="old", page="idle", users=0, loads=())
    )
    assert len([*(tmp_path / HISTOGRAM_FOLDER).iterdir()]) == 2
    journal = tmp_path / JOURNAL_FILE
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"elapsed_s": 12.5, "round": {"blo')  # killed while it wrote a line
    expected = recording.results(partial=True)
    found = read_run(tmp_path)
    assert replace(found, duration_s=0.0, stop_reason="") == replace(expected, duration_s=0.0)
    assert (found.stop_reason, len(found.rounds)) == (NO_END, 2)
    assert read_results(tmp_path / RESULTS_FILE) == found
    monkeypatch.setattr("portcompare.http.bodies.LARGEST_FILE_BYTES", 0)  # a journal may be of any length
    cut_torn_line(tmp_path)
    assert journal.read_bytes() == whole
    resumed = recall_run(tmp_path)
    assert (resumed.rounds, resumed.visits) == (recording.rounds, recording.visits)
    monkeypatch.undo()
    resumed.resume()  # no block has come to its end
    assert (resumed.rounds, resumed.visits) == ([], [])
    assert not (tmp_path / HISTOGRAM_FOLDER).exists()
    journal.write_bytes(whole.replace(b'"order"', b'"odour"'))
    with pytest.raises(InputError, match=r"journal.jsonl: line 5: is damaged"):
        read_run(tmp_path)
    recording.save(partial=False)
    assert not journal.exists()
    assert not read_run(tmp_path).partial


def test_a_run_whose_folder_is_deleted_ends(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    recording = record(make_plan(), folder)
    recording.begin()
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError, match=JOURNAL_FILE):
        recording.add_warning("nobody can read this")
    assert recording.save(partial=True).warnings == ("nobody can read this",)
