from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from portcompare.errors import InputError
from portcompare.records.results import RESULTS_FILE
from portcompare.run.journal import JOURNAL_FILE
from portcompare.run.recording import Recording
from portcompare.run.resuming import find_condition_changes, find_plan_changes, read_resumable
from tests.measure.plans import make_manifest, make_plan
from tests.run.test_recording import record


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


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda _, recording: recording.save(partial=False), "there is nothing to resume"),
        (lambda folder, _: (folder / RESULTS_FILE).write_text("{"), "results.json: line 1.*is not JSON"),
        (lambda folder, _: (folder / JOURNAL_FILE).unlink(), "journal.jsonl: cannot be read: No such file"),
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
