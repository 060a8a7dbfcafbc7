"""Write the parts of the docs that come from the code: the plan's keys and the JSON Schemas.

Run it by `make docs` after a change of either; a test fails until it is done.
"""

from __future__ import annotations

from pathlib import Path

from portcompare.history.trends import history_schema
from portcompare.plan import plan_keys
from portcompare.report.formats.results_file import diff_schema, results_schema, write_schema
from portcompare.serve import vocabulary

DOCS = Path(__file__).parent
BEGIN, END = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"


def describe_plan() -> str:
    """List the plan's keys and the servers as Markdown tables."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key in plan_keys():
        default = f"`{key.default}`" if key.default else "required"
        lines.append(f"| `{key.path}` | {key.type} | {default} | {key.description} |")
    lines += ["", "| server | serves | settings |", "|---|---|---|"]
    for server, interfaces in vocabulary().items():
        for interface, knobs in interfaces.items():
            lines.append(f"| `{server}` | {interface} | {', '.join(sorted(knobs))} |")
    return "\n".join(lines) + "\n"


def insert(page: str, text: str) -> str:
    """Put a text between the marks of a page."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + text + END + after


def main() -> None:
    """Write them all."""
    page = DOCS / "plan.md"
    page.write_text(insert(page.read_text(encoding="utf-8"), describe_plan()), encoding="utf-8")
    write_schema(results_schema(), DOCS / "results.schema.json")
    write_schema(diff_schema(), DOCS / "diff.schema.json")
    write_schema(history_schema(), DOCS / "history.schema.json")


if __name__ == "__main__":
    main()
