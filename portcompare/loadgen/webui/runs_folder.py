"""The finished runs in a folder, for the list of reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from stat import S_ISREG
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

REPORT: Final = "report.html"
_RESULTS: Final = "results.json"
_MOST: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run with a report."""

    folder: str  # Name of its folder
    name: str  # Of the plan
    started_at: str  # ISO 8601, UTC; empty if its results cannot be read
    headline: str  # What it comes to


def find_runs(runs: Path) -> tuple[FinishedRun, ...]:
    """List the runs that have a report, the newest first."""
    try:
        folders = list(runs.iterdir())
    except OSError:
        return ()
    found = [(at_ns, folder) for folder in folders if (at_ns := _when_written(folder)) is not None]
    return tuple(_read(folder, written_ns) for written_ns, folder in sorted(found, reverse=True)[:_MOST])


def _when_written(folder: Path) -> int | None:
    """When a folder's report was written; None without one."""
    try:
        found = (folder / REPORT).stat()
    except OSError:
        return None
    return found.st_mtime_ns if S_ISREG(found.st_mode) else None


@lru_cache(maxsize=2 * _MOST)
def _read(folder: Path, _written_ns: int) -> FinishedRun:
    """Read what a run came to; once, as its results may be long."""
    try:
        results = json.loads((folder / _RESULTS).read_text(encoding="utf-8"))
        name, started_at, headline = (str(results[key]) for key in ("name", "started_at", "headline"))
    except (OSError, ValueError, KeyError, TypeError):  # somebody else's, or of another version
        name, started_at, headline = folder.name, "", ""
    return FinishedRun(folder=folder.name, name=name, started_at=started_at, headline=headline)
