"""Arguments and options that several commands have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from portcompare.errors import InputError, Problem

PlanPath = Annotated[Path, typer.Argument(metavar="[PLAN]", help="the plan file")]
DEFAULT_PLAN = Path("loadtests/plan.toml")

AsJson = Annotated[
    bool, typer.Option("--json", help="print the results as versioned JSON, and nothing else, on stdout")
]

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h)?")
_UNITS_S = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def read_duration(flag: str, text: str) -> float:
    """Read a length of time.

    Raises InputError if it is none.
    """
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    if not seconds:
        remedy = "write seconds, or a number and its unit: 90, 120s, 5m, 1h"
        raise InputError([Problem(where=flag, found=f"{text!r} is no length of time", remedy=remedy)])
    return seconds
