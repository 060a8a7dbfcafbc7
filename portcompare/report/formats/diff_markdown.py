"""The comparison of two runs as Markdown, fit for a comment on a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.report.formats.diff_rows import altered_tables, change_tables, diff_notices, run_line
from portcompare.report.formats.markdown import escape, text_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.records.changes import RunDiff
    from portcompare.records.results import Results


def render(diff: RunDiff, results: Results) -> str:
    """Render a comparison as GitHub-flavoured Markdown."""
    return "\n\n".join(_blocks(diff, results)) + "\n"


def _blocks(diff: RunDiff, results: Results) -> Iterator[str]:
    yield f"# portcompare diff: {escape(diff.new.name)}"
    yield f"**{escape(diff.headline)}**"
    yield from (f"> **{notice.label}**: {escape(notice.text)}" for notice in diff_notices(diff))
    yield f"- **Old**: {escape(run_line(diff.old))}\n- **New**: {escape(run_line(diff.new))}"
    for table in change_tables(diff, results):
        yield f"## {escape(table.title)}"
        yield from text_table(table)
    for table in altered_tables(diff):
        yield f"<details>\n<summary>{escape(table.title)}</summary>"
        yield from text_table(table)
        yield "</details>"
