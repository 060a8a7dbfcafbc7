"""The comparison of two runs in words: what every format of it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare import units
from portcompare.records.changes import Change
from portcompare.records.metrics import METRICS
from portcompare.report.rows import TextTable
from portcompare.report.sections.validity import Notice
from portcompare.report.wording import (
    interval,
    known,
    level_text,
    timestamp,
    visible,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portcompare.records.changes import Altered, RunDiff, RunFacts
    from portcompare.records.results import Results

OWN_RATIO = "new divided by old"
RELATIVE_RATIO = "ratio to the baseline, new divided by old"

_HEADER = ("Scenario", "Level", "Deployment", "Metric", "New / old", "95% interval", "Blocks", "Verdict")
_OWN_NOTE = (
    "Unpaired: the rounds of two runs share no block. What the machine did differently then and now (a"
    " neighbour, a clock, a temperature) is in these ratios, and in no interval."
)
_RELATIVE_NOTE = (
    "Candidate divided by baseline, now divided by then: paired inside each run, so what the machine did then"
    " or does now cancels. A change of the baseline's own code shows in all of them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeGroup:
    """Changes of one kind."""

    title: str  # What they are of
    note: str  # How to read them
    changes: tuple[Change, ...]  # The changes


def diff_notices(diff: RunDiff) -> tuple[Notice, ...]:
    """What must be said before any figure."""
    return tuple(_notices(diff))


def _notices(diff: RunDiff) -> Iterator[Notice]:
    for when, run in (("OLD", diff.old), ("NEW", diff.new)):
        if not run.valid:
            reasons = visible("; ".join(run.invalid_reasons)) or "no reason was recorded"
            yield Notice(grave=True, label=f"{when} RUN NOT VALID", text=reasons)
        if run.partial:
            yield Notice(grave=True, label=f"{when} RUN PARTIAL", text="it was interrupted or broke off")
    if diff.machines:
        what = "; ".join(f"{one.what} was {one.old} and is {one.new}" for one in diff.machines)
        text = f"{visible(what)}. Each deployment's own figures differ by the machines as well"
        yield Notice(grave=True, label="ANOTHER MACHINE", text=text)
    for text in diff.not_compared:
        yield Notice(grave=True, label="NOT COMPARED", text=visible(text))
    if diff.conditions:
        text = f"{units.count(len(diff.conditions), 'condition')} of the two runs were not the same"
        yield Notice(grave=False, label="CONDITIONS", text=text)


def run_line(run: RunFacts) -> str:
    """One of the two runs in a line."""
    return (
        f"{visible(run.folder)} ({visible(run.name)}, {timestamp(run.started_at)},"
        f" baseline {visible(run.baseline)})"
    )


def altered_tables(diff: RunDiff) -> tuple[TextTable, ...]:
    """What was not the same in both runs, besides what was measured."""
    found = (
        ("What was not the same", "From the manifests of both runs.", (*diff.machines, *diff.conditions)),
        ("What differs between the plans", "The plans with every default filled in.", diff.plans),
    )
    return tuple(_altered_table(title, note, altered) for title, note, altered in found if altered)


def change_groups(diff: RunDiff) -> tuple[ChangeGroup, ...]:
    """All that was compared."""
    baseline = visible(diff.new.baseline)
    groups = (
        ChangeGroup(title="Each deployment, new against old", note=_OWN_NOTE, changes=diff.changes),
        ChangeGroup(
            title=f"Each ratio to the baseline, {baseline}, new against old",
            note=_RELATIVE_NOTE,
            changes=diff.relative_changes,
        ),
    )
    return tuple(group for group in groups if group.changes)


def change_tables(diff: RunDiff, results: Results) -> tuple[TextTable, ...]:
    """All that was compared, a table a group."""
    return tuple(
        TextTable(
            title=group.title,
            note=group.note,
            header=_HEADER,
            rows=tuple(_row(results, one) for one in group.changes),
        )
        for group in change_groups(diff)
    )


def _altered_table(title: str, note: str, altered: Iterable[Altered]) -> TextTable:
    rows = tuple((visible(one.what), visible(one.old), visible(one.new)) for one in altered)
    return TextTable(title=title, note=note, header=("What", "Old", "New"), rows=rows)


def _row(results: Results, one: Change) -> tuple[str, ...]:
    blocks = f"{one.old_blocks:,} and {one.new_blocks:,}"
    verdict = METRICS[one.metric].word(one.ratio.verdict or "invalid")
    if one.ratio.point is None:
        verdict = f"{verdict}: {visible(one.ratio.reason)}"
    return (
        visible(one.scenario),
        level_text(results, one.scenario, one.level),
        visible(one.deployment),
        METRICS[one.metric].label,
        known(one.ratio.point, units.ratio),
        interval(one.ratio),
        blocks,
        verdict,
    )
