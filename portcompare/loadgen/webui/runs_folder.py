"""The finished runs in a folder, for the list of reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

REPORT: Final = "report.html"
_RESULTS: Final = "results.json"
_MOST: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run with a report.

    Attributes:
        folder: Name of its folder.
        name: Of the plan.
        started_at: ISO 8601, UTC; empty if its results cannot be read.
        headline: What it comes to.
    """

    folder: str
    name: str
    started_at: str
    headline: str


def find_runs(runs: Path) -> tuple[FinishedRun, ...]:
    """List the runs that have a report, the newest first.

    Args:
        runs: Their folder; it need not be there.

    Returns:
        Fifty at most.
    """
    if not runs.is_dir():
        return ()
    found = [
        (written.st_mtime_ns, folder)
        for folder in runs.iterdir()
        if (report := folder / REPORT).is_file() and (written := report.stat())
    ]
    return tuple(_read(folder, written_ns) for written_ns, folder in sorted(found, reverse=True)[:_MOST])


@lru_cache(maxsize=2 * _MOST)
def _read(folder: Path, _written_ns: int) -> FinishedRun:
    """Read what a run came to; once, as its results may be long."""
    try:
        results = json.loads((folder / _RESULTS).read_text(encoding="utf-8"))
        name, started_at, headline = (str(results[key]) for key in ("name", "started_at", "headline"))
    except (OSError, ValueError, KeyError, TypeError):  # somebody else's, or of another version
        name, started_at, headline = folder.name, "", ""
    return FinishedRun(folder=folder.name, name=name, started_at=started_at, headline=headline)
