"""The comparison of two runs as HTML, as Markdown, and as rich renderables for the terminal."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from portcompare import units
from portcompare.records.estimates import Change, RunDiff, RunFacts
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.results import Results
from portcompare.report.charts.ratios import forest_plots
from portcompare.report.formats.terminal import TONE_STYLES, notice_line
from portcompare.report.formats.terminal import text_table as terminal_table
from portcompare.report.sections.conclusions import Notice
from portcompare.report.templating import render_template
from portcompare.report.wording import TONES, TextTable, level_text, ratio_cells, timestamp, visible

_HEADER = ("Scenario", "Level", "Deployment", "Metric", "New / old", "95% interval", "Blocks", "Verdict")
_OWN = "new divided by old"
_OWN_NOTE = (
    "Unpaired: the rounds of two runs share no block. What the machine did differently then and now (a"
    " neighbour, a clock, a temperature) is in these ratios, and in no interval."
)
_RELATIVE_NOTE = (
    "Candidate divided by baseline, now divided by then: paired inside each run, so what the machine did then"
    " or does now cancels. A change of the baseline's own code shows in all of them."
)


_MOST_ROWS = 12
_SHORT: dict[MetricName, str] = {"cpu_s_per_request": "CPU time"}
"""What a metric is called where there is little room, if not by its own name."""


def render_html(diff: RunDiff, results: Results) -> str:
    """Render a comparison as a web page."""
    kinds = {
        "own": (diff.changes, _OWN),
        "relative": (diff.relative_changes, f"ratio to the baseline, {_OWN}"),
    }
    scenarios = [
        {"name": visible(name)}
        | {
            kind: forest_plots(results, [(one.deployment, one) for one in changes], name, what)
            for kind, (changes, what) in kinds.items()
        }
        for name in dict.fromkeys(one.scenario for one in diff.changes)
    ]
    version = results.manifest.portcompare
    values = _values(diff, results)
    return render_template("diff.html.j2", portcompare=version, scenarios=scenarios, **values)


def render_markdown(diff: RunDiff, results: Results) -> str:
    """Render a comparison as GitHub-flavoured Markdown."""
    return render_template("diff.md.j2", **_values(diff, results)).rstrip("\n") + "\n"


def _values(diff: RunDiff, results: Results) -> dict[str, Any]:
    """What both show."""
    return {
        "diff": diff,
        "found": list(diff_notices(diff)),
        "old": run_line(diff.old),
        "new": run_line(diff.new),
        "changes": change_tables(diff, results),
        "altered": altered_tables(diff),
    }


def render_terminal(diff: RunDiff, results: Results) -> Group:
    """The whole comparison: what was not the same, what was compared, and the headline."""
    return Group(
        Text.assemble(("old: ", "bold"), run_line(diff.old)),
        Text.assemble(("new: ", "bold"), run_line(diff.new)),
        *(terminal_table(_cut(table)) for table in altered_tables(diff)),
        *(_group_table(group, results) for group in change_groups(diff)),
        Text(visible(diff.headline), style="bold"),
        *map(notice_line, diff_notices(diff)),
    )


ChangeGroup = tuple[str, str, tuple[Change, ...]]
"""Changes of one kind: what they are of, how to read them, and the changes."""


def _group_table(group: ChangeGroup, results: Results) -> Table:
    """A table with a section for each level, a line for each metric."""
    title, note, found = group
    table = Table(box=box.SIMPLE_HEAD, expand=True, title=Text(f"\n{title}", "bold"), caption=Text(note))
    table.add_column("Deployment", ratio=1, overflow="fold")
    for name in ("Metric", "New / old", "95% interval", "Verdict"):
        table.add_column(name, no_wrap=True)
    for (scenario, level), changes in groupby(found, key=lambda one: (one.scenario, one.level)):
        place = f"{visible(scenario)}, {level_text(results, scenario, level)}"
        table.add_row(Text(place, "bold"))
        for one in changes:
            metric, (*cells, verdict) = _SHORT.get(one.metric, one.metric), ratio_cells(one)
            style = TONE_STYLES[TONES[one.ratio.verdict or "invalid"]]
            table.add_row(*map(Text, (visible(one.deployment), metric, *cells)), Text(verdict, style))
        table.add_section()
    return table


def _cut(table: TextTable) -> TextTable:
    """A table of which a terminal shows the beginning; the other formats show it whole."""
    more = len(table.rows) - _MOST_ROWS
    if more <= 0:
        return table
    note = f"{table.note} And {units.count(more, 'more line')}: --out DIR or --json shows all."
    return replace(table, rows=table.rows[:_MOST_ROWS], note=note)


def diff_notices(diff: RunDiff) -> Iterator[Notice]:
    """What a reader must know before any figure."""
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
    return tuple(
        TextTable(
            title=title,
            note=note,
            header=("What", "Old", "New"),
            rows=tuple((visible(one.what), visible(one.old), visible(one.new)) for one in altered),
        )
        for title, note, altered in found
        if altered
    )


def change_groups(diff: RunDiff) -> tuple[ChangeGroup, ...]:
    """All that was compared."""
    baseline = visible(diff.new.baseline)
    groups = (
        ("Each deployment, new against old", _OWN_NOTE, diff.changes),
        (f"Each ratio to the baseline, {baseline}, new against old", _RELATIVE_NOTE, diff.relative_changes),
    )
    return tuple(group for group in groups if group[-1])


def change_tables(diff: RunDiff, results: Results) -> tuple[TextTable, ...]:
    """All that was compared, a table a group."""
    return tuple(
        TextTable(title=title, note=note, header=_HEADER, rows=tuple(_row(results, one) for one in changes))
        for title, note, changes in change_groups(diff)
    )


def _row(results: Results, one: Change) -> tuple[str, ...]:
    place = visible(one.scenario), level_text(results, one.scenario, one.level), visible(one.deployment)
    ratio, ends, verdict = ratio_cells(one)
    if one.ratio.point is None:
        verdict = f"{verdict}: {visible(one.ratio.reason)}"
    blocks = f"{one.old_blocks:,} and {one.new_blocks:,}"
    return (*place, METRICS[one.metric].label, ratio, ends, blocks, verdict)
