"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PlanPath = Annotated[Path, typer.Argument(metavar="[PLAN]", help="the plan file")]
DEFAULT_PLAN = Path("loadtests/plan.toml")

AsJson = Annotated[
    bool, typer.Option("--json", help="print the results as versioned JSON, and nothing else, on stdout")
]
