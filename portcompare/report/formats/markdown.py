"""The report as Markdown, fit for a comment on a pull request."""

import re

from portcompare.records.results import Results
from portcompare.report.charts import main_charts
from portcompare.report.formats.html import SECTIONS
from portcompare.report.sections import conclusions, measured, responses, screen
from portcompare.report.templating import render_template
from portcompare.report.wording import advice_cells, clipped

# A comment on GitHub holds 65,536 characters; the rest is in results.json.
_LONGEST_TEXT = 120
_MOST_COMMANDS = 10
_LONGEST_COMMANDS = 1000
_LEFT_OUT = ("responses", "rounds", "files")  # Of the page's sections, those that are too long as they are


def render(results: Results) -> str:
    """Render a run as GitHub-flavoured Markdown."""
    sections = {name: section.build(results) for name, section in SECTIONS.items() if name not in _LEFT_OUT}
    compared = responses.build(results, _LONGEST_TEXT)
    pairs = [pair for pair in compared["commands"] if sum(map(len, pair)) <= _LONGEST_COMMANDS]
    commands = [line for title, *pair in pairs[:_MOST_COMMANDS] for line in (f"# {title}", *pair)]
    longest = max((len(ticks) for line in commands for ticks in re.findall("`+", line)), default=0)
    text = render_template(
        "report.md.j2",
        **sections,
        results=results,
        advice=advice_cells(results.advice),
        found=conclusions.find_notices(results),
        line_header=screen.HEADER,
        lines=screen.table_rows(sections["conclusions"]["groups"]),
        arm_header=measured.ARM_HEADER,
        comparison_header=tuple(measured.COMPARISON_COLUMNS),
        comparisons=[
            [clipped(cell, _LONGEST_TEXT) for cell in row] for row in sections["ratios"]["comparisons"]
        ],
        charts=main_charts(results),
        responses=compared | {"commands": commands, "fence": "`" * max(longest + 1, 3)},
    )
    return text.rstrip("\n") + "\n"
