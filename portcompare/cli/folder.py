"""The run's folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.errors import Problem
from portcompare.history import RUNS
from portcompare.report import RESULTS_FILE

if TYPE_CHECKING:
    from datetime import datetime

GENERATOR_LOG = "loadgen.log"


def name_run_folder(name: str, started_at: datetime) -> Path:
    """The folder that a run is written to if none is asked for.

    Args:
        name: Name of the plan.
        started_at: When the run began.

    Returns:
        `runs/<time>-<name>`.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return RUNS / f"{started_at:%Y%m%dT%H%M%S}-{safe}"


def make_run_folder(folder: Path) -> list[Problem]:
    """Make the folder that a run is written to.

    Args:
        folder: The folder; it may be there, but must hold no run.

    Returns:
        Why it cannot be used; empty if it can.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        remedy = "name a folder that you may write to with --out DIR"
        return [Problem(where=f"--out {folder}", found=f"cannot be written: {error.strerror}", remedy=remedy)]
    if (folder / RESULTS_FILE).exists():
        remedy = "name another folder, or remove that one"
        return [
            Problem(where=f"--out {folder}", found=f"holds a run already ({RESULTS_FILE})", remedy=remedy)
        ]
    return []


def remove_empty_run_folder(folder: Path) -> None:
    """Remove a run's folder in which nothing has been measured.

    Args:
        folder: The folder; what else is in it stays.
    """
    if not folder.is_dir():
        return
    (folder / GENERATOR_LOG).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
