import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from portcompare.errors import InputError
from portcompare.plan import load_plan
from portcompare.records.results import RESULTS_FILE
from portcompare.run.journal import JOURNAL_FILE
from portcompare.run.quick import quicken
from portcompare.run.recording import Recording
from portcompare.run.resuming import find_condition_changes, find_plan_changes, read_resumable
from portcompare.serve import vocabulary
from tests.measure.plans import make_manifest, make_plan
from tests.run.test_recording import record

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
