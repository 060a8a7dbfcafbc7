import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram

from portcompare.errors import InputError
from portcompare.measure.rounds import MeasuredRound
from portcompare.plan import Plan, load_plan
from portcompare.records.pages import PageVisit
from portcompare.records.results import RESULTS_FILE
from portcompare.records.work import Work
from portcompare.report.formats.data import HISTOGRAM_FOLDER
from portcompare.report.formats.results_file import read_results
from portcompare.run.journal import JOURNAL_FILE, cut_torn_line
from portcompare.run.narrowing import quicken
from portcompare.run.recording import (
    NO_END,
    Recording,
    find_condition_changes,
    find_plan_changes,
    read_resumable,
    read_run,
    recall_run,
)
from portcompare.serve import vocabulary
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


ROOT = Path(__file__).parents[2]


def test_a_run_is_resumed_with_its_own_plan_and_conditions_alone(tmp_path: Path) -> None:
    record(make_plan(), tmp_path).begin()
    earlier = read_resumable(tmp_path)
    assert not [*find_plan_changes(earlier, make_plan(budget_s=99.0), 1)]
    (plan,) = find_plan_changes(earlier, make_plan(seconds=9.0, seed=2), 2)
    assert plan.found == (
        "the plan is not that of the run: load-generator processes was 1 and is 2; rounds.seconds was 1.0 "
        "and is 9.0; rounds.seed was 1 and is 2"
    )
    now = replace(make_manifest(), load_average=7.0)
    assert not [*find_condition_changes(earlier, now)]
    changed = {f"library {number}": "2" for number in range(8)}
    (condition,) = find_condition_changes(earlier, replace(now, cpu_model="another", libraries=changed))
    assert "cpu_model was  and is another; libraries.library 0 was none and is 2; " in condition.found
    assert condition.found.endswith("; and 4 more")


ANY_PLANS = sorted([*(ROOT / "loadtests").glob("*.toml")])


@pytest.mark.parametrize(
    "path", [one for one in ANY_PLANS if one.stem != "twins"], ids=lambda path: path.stem
)
def test_each_plan_and_the_quick_part_of_it_is_recalled_as_it_was(path: Path, tmp_path: Path) -> None:
    whole = load_plan(path, vocabulary())
    for name, plan in {"whole": whole, "quick": quicken(whole)[0]}.items():
        recording = record(make_plan(), tmp_path / name)
        recording.plan = plan
        recording.begin()
        assert not [*find_plan_changes(read_resumable(tmp_path / name), plan, 1)]


def test_plans_of_commands_and_addresses_are_recalled_too(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    served = "baseline = 'old'\ncandidates = [{ url = 'http://h:1' }]\n"
    served += "[deployments.old]\ncommand = 'serve {port}'\n"
    path.write_text(f"{served}[scenarios.s]\nrequest = {{ path = '/' }}\nload = {{ users = [1] }}\n")
    recording = record(make_plan(), tmp_path)
    recording.plan = load_plan(path, vocabulary())
    recording.begin()
    earlier = read_resumable(tmp_path)
    assert not [*find_plan_changes(earlier, recording.plan, 1)]
    earlier.spent_s = 120.0
    (problem,) = find_plan_changes(earlier, recording.plan, 1)
    assert problem.found == "120 s are spent already, and the budget is 120 s"


def replace_by_fifo(folder: Path, _: Recording) -> None:
    (folder / JOURNAL_FILE).unlink()
    os.mkfifo(folder / JOURNAL_FILE)


def append_line(line: str, folder: Path, _: Recording) -> None:
    with (folder / JOURNAL_FILE).open("a") as journal:
        journal.write(line + "\n")


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda folder, _: (folder / RESULTS_FILE).unlink(), "there is no results.json in it"),
        (
            lambda folder, _: (folder / JOURNAL_FILE).write_text(
                (folder / JOURNAL_FILE).read_text().replace('"users"', '"usurs"', 1)
            ),
            "holds a plan that this portcompare cannot read",
        ),
        (lambda _, recording: recording.save(partial=False), "there is nothing to resume"),
        (lambda folder, _: (folder / RESULTS_FILE).write_text("{"), "results.json: line 1.*is not JSON"),
        (lambda folder, _: (folder / JOURNAL_FILE).unlink(), "journal.jsonl: cannot be read: No such file"),
        (replace_by_fifo, "journal.jsonl: cannot be read: it is no regular file"),
        *(
            (
                partial(append_line, f'{{"elapsed_s": {number}}}'),
                "journal.jsonl: line 2: is damaged: a number",
            )
            for number in ("1e999", "-1e300", "9" * 400, "NaN", "Infinity")
        ),
        (lambda folder, _: (folder / JOURNAL_FILE).write_text("{}"), "journal.jsonl: has no beginning"),
        (lambda folder, _: (folder / JOURNAL_FILE).write_text("{}\n"), "journal.jsonl: has no beginning"),
    ],
)
def test_what_cannot_be_resumed_is_refused(
    damage: Callable[[Path, Recording], object], found: str, tmp_path: Path
) -> None:
    recording = record(make_plan(), tmp_path)
    recording.begin()
    damage(tmp_path, recording)
    with pytest.raises(InputError, match=found):
        read_resumable(tmp_path)
