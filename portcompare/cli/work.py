"""`portcompare work`: what does each deployment execute for a request?"""

import tempfile
from dataclasses import asdict
from pathlib import Path

import typer

from portcompare.cli.options import (
    DEFAULT_PLAN,
    SCHEMA_VERSION,
    AsJson,
    PlanPath,
    print_json,
    print_note,
    read_plan,
)
from portcompare.errors import EXIT_DONE, EXIT_NOT_VALID
from portcompare.report.formats.terminal import text_table
from portcompare.report.sections.measured import work_tables
from portcompare.run.progress import Progress, out
from portcompare.run.work import count_plan


def work(plan_path: PlanPath = DEFAULT_PLAN, *, as_json: AsJson = False) -> None:
    """Count the instructions that each deployment executes for a request, which repeat on any machine."""
    plan = read_plan(plan_path)
    with tempfile.TemporaryDirectory(prefix="portcompare-") as folder, Progress() as progress:
        found = count_plan(plan, Path(folder), progress)
    if as_json:
        print_json(
            {
                "schema_version": SCHEMA_VERSION,
                "deployments": [asdict(one) for one in found.counts],
                "not_counted": found.not_counted,
                "is_layout_fixed": found.is_layout_fixed,
            }
        )
    else:
        for table in work_tables(found):
            out.print(text_table(table))
    for name, reason in found.not_counted.items():
        print_note(f"not counted: {name}: {reason}")
    raise typer.Exit(EXIT_NOT_VALID if found.not_counted else EXIT_DONE)
