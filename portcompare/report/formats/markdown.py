"""The report as Markdown, fit for a comment on a pull request."""

import re
from typing import Any

from portcompare.records.parity import Parity
from portcompare.records.results import Results
from portcompare.report.charts import main_charts
from portcompare.report.sections import conclusions, load, measured, method, pages, responses, screen
from portcompare.report.sections.work import work_tables
from portcompare.report.templating import render_template
from portcompare.report.wording import NOT_KNOWN, clipped

# A comment on GitHub holds 65,536 characters; the rest is in results.json.
_LONGEST_TEXT = 120
_MOST_COMMANDS = 10
_LONGEST_COMMANDS = 1000


def render(results: Results) -> str:
    """Render a run as GitHub-flavoured Markdown."""
    text = render_template(
        "report.md.j2",
        results=results,
        found=conclusions.find_notices(results),
        line_header=screen.HEADER,
        lines=screen.table_rows(screen.find_groups(results)),
        parity_line=screen.parity_line(results.parity),
        first_tables=(
            *load.break_even_tables(results),
            *load.capacity_tables(results),
            *conclusions.gate_tables(results),
        ),
        arm_header=measured.ARM_HEADER,
        arms=[row.cells for row in measured.arm_rows(results)],
        comparison_header=measured.COMPARISON_HEADER,
        comparisons=[
            [clipped(cell, _LONGEST_TEXT) for cell in row] for row in measured.comparison_rows(results)
        ],
        later_tables=(
            *work_tables(results.work),
            *conclusions.claim_tables(results),
            *pages.page_tables(results),
        ),
        charts=main_charts(results),
        facts=(
            *method.method_facts(results),
            *method.machine_facts(results),
            ("All comparisons", results.evidence or NOT_KNOWN),
        ),
        setting_header=("Setting", *(deployment.name for deployment in results.manifest.deployments)),
        settings=method.deployment_settings(results),
        parity=results.parity,
        **(_responses(results.parity) if results.parity is not None else {}),
    )
    return text.rstrip("\n") + "\n"


def _responses(parity: Parity) -> dict[str, Any]:
    own, known, allowed = responses.sort_groups(parity)
    # Command lines that would fill the comment are left out.
    pairs = [pair for pair in responses.curl_pairs(own) if sum(map(len, pair)) <= _LONGEST_COMMANDS]
    commands = [line for title, *pair in pairs[:_MOST_COMMANDS] for line in (f"# {title}", *pair)]
    longest = max((len(ticks) for line in commands for ticks in re.findall("`+", line)), default=0)
    return {
        "ranks": responses.RANKS,
        "difference_header": responses.DIFFERENCE_HEADER,
        "own": [responses.difference_cells(group, _LONGEST_TEXT) for group in own],
        "commands": commands,
        "fence": "`" * max(longest + 1, 3),
        "known_text": responses.known_text(known),
        "known_header": responses.KNOWN_HEADER,
        "known": [responses.known_cells(parity, each) for each in known],
        "allowance": responses.allowance_text(known),
        "allowed": [responses.difference_cells(group, _LONGEST_TEXT) for group in allowed],
        "coverage": responses.coverage_texts(parity),
    }
