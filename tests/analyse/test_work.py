import re
from dataclasses import replace
from pathlib import Path

import pytest

from portcompare.analyse.checks import judge_gate, levels_of
from portcompare.analyse.work import compare_work, work_changes, work_comparisons
from portcompare.history.summaries import find_quantities
from portcompare.plan import Gate
from portcompare.records.work import ANY_LEVEL, Work, WorkCount
from portcompare.report.sections.conclusions import gate_tables
from portcompare.report.sections.measured import comparison_rows, work_tables
from portcompare.report.sections.screen import sweep_lines
from tests.analyse.test_diff import diff
from tests.runs import NEW, OLD, make_run
from tests.serve.support import write_plan

NOISE = (1.002, 0.998, 1.001, 0.999) * 4


def counted(deployment: str, instructions: float, *, scenario: str = "delayed") -> WorkCount:
    return WorkCount(
        deployment=deployment,
        scenario=scenario,
        counter="callgrind",
        requests=16,
        instructions_per_request=instructions,
        low=0.999 * instructions,
        high=1.001 * instructions,
        slices=tuple(factor * instructions for factor in NOISE),
        idle_per_s=1e4,
        shares={"interpreter": 0.96, "libc": 0.0395, "unknown": 0.0005},
    )


def a_work(new: float = 2e6, old: float = 1e6) -> Work:
    return Work(counts=(counted(OLD, old), counted(NEW, new)))


@pytest.mark.parametrize(
    ("factor", "verdict", "word"),
    [
        (2.0, "slower", "dearer"),
        (1.02, "slower", "dearer"),
        (1.0, "equivalent", "equivalent"),
        (1.01, "inconclusive", "inconclusive"),
        (0.5, "faster", "cheaper"),
    ],
)
def test_instructions_are_compared_with_the_baseline_at_their_margin(
    factor: float, verdict: str, word: str
) -> None:
    work = compare_work(a_work(1e6 * factor), OLD, 0.01)
    baseline, candidate = work.counts
    assert baseline.ratio is None
    assert candidate.ratio is not None
    assert candidate.ratio.point == pytest.approx(factor)
    assert candidate.ratio.verdict == verdict
    (one,) = work_comparisons(work)
    assert (one.candidate, one.metric, one.level) == (NEW, "instructions", ANY_LEVEL)
    table, shares = work_tables(replace(work, is_layout_fixed=False))
    assert table.rows[0][1:6] == (OLD, "1,000,000 ± 0.100%", "", "", "baseline")
    assert table.rows[1][5] == word
    assert shares.rows[1] == ("delayed", NEW, "interpreter 96.0%, libc 3.95%")
    assert "nothing of waiting" in table.note
    assert "layout differed" in table.note
    run = replace(make_run(1), comparisons=(one,))
    assert comparison_rows(run)[0][1:4] == ("any load", "Instructions per request", NEW)
    (line,) = sweep_lines(run)
    assert re.fullmatch(rf"delayed, instructions of {NEW}: [\d.]+x \[.*\] {word}", line)


def test_without_a_count_of_the_baseline_there_is_no_ratio_and_what_is_not_counted_is_shown() -> None:
    work = compare_work(Work(counts=(counted(NEW, 1e6),), not_counted={OLD: "it ended"}), OLD, 0.01)
    assert [one.ratio for one in work.counts] == [None]
    assert list(work_comparisons(work)) == []
    assert work_tables(work)[-1].rows == ((OLD, "it ended"),)
    assert work_tables(None) == ()


def test_two_runs_are_compared_in_their_instructions_and_in_the_ratios_to_the_baseline() -> None:
    def ratios(old: Work, new: Work) -> list[dict[str, float | None]]:
        found = diff(replace(make_run(1), work=old), replace(make_run(2), work=new))
        return [
            {one.deployment: one.ratio.point for one in changes if one.metric == "instructions"}
            for changes in (found.changes, found.relative_changes)
        ]

    own, relative = ratios(a_work(), a_work(2.2e6, 1.1e6))
    assert own == pytest.approx({OLD: 1.1, NEW: 1.1})
    assert relative == pytest.approx({NEW: 1.0})
    other = Work(counts=tuple(replace(one, counter="hardware") for one in a_work().counts))
    assert ratios(a_work(), other) == [{}, {}]
    assert list(work_changes(None, a_work(), 0.01)) == []


def test_a_gate_limits_instructions_whatever_the_level(tmp_path: Path) -> None:
    gate = Gate(metric="instructions", scenario="delayed", candidate=NEW, max_ratio=1.5)
    work = compare_work(a_work(), OLD, 0.01)
    ratios = {(c.scenario, c.level, c.metric, c.candidate): c.ratio for c in work_comparisons(work)}
    (level,) = levels_of(write_plan(tmp_path), gate)
    found = judge_gate(gate, level, ratios, None)
    assert (found.check.outcome, found.passed) == ("broken", False)
    (table,) = gate_tables(replace(make_run(1), gates=(found,)))
    assert table.rows[0][0] == f"Instructions per request of {NEW} (delayed, any load)"


def test_the_history_keeps_instructions() -> None:
    run = replace(make_run(1), work=compare_work(a_work(), OLD, 0.01))
    kept = [one for one in find_quantities(run) if one.metric == "instructions"]
    assert [(one.deployment, one.level_text) for one in kept] == [(OLD, "any load"), (NEW, "any load")]
    assert kept[1].value.point == pytest.approx(2e6, rel=1e-4)
    assert kept[1].ratio is not None
