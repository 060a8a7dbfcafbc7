"""A finished run in short: what `summary.json` in its folder holds, and the list of all runs in a folder.

The history and the web UI list runs by it, so neither has to read the results of hundreds of runs.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from portcompare.records.estimates import Estimate
from portcompare.records.metrics import MetricName
from portcompare.records.results import RESULTS_FILE, SCHEMA_VERSION

RUNS = Path("runs")  # Where runs are written by default
REPORT_FILE = "report.html"
SUMMARY_FILE = "summary.json"
SUMMARY_VERSION = f"2, of results {SCHEMA_VERSION}"
"""Of the form of a summary, and of the results that it is made from."""

_RUN_FILES = (RESULTS_FILE, REPORT_FILE, "loadgen.log")  # A folder with any of these is the folder of a run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What lists show of a run."""

    folder: str  # Name of its folder
    broken: str | None = None  # Why its results cannot be read; None if they can. Then nothing else is known
    name: str = ""  # Of its plan
    started_at: str = ""  # ISO 8601, UTC
    duration_s: float = 0.0  # How long it took
    partial: bool = False  # True if it was interrupted or broke off
    valid: bool = False  # False if it must not be relied on
    baseline: str = ""  # The deployment that the candidates were compared with
    deployments: tuple[str, ...] = ()  # All that were measured
    machine: str = ""  # Where it was measured, in words
    gates: int = 0  # How many gates it had
    gates_missed: int = 0  # How many of them it did not pass
    headline: str = ""  # The result

    @property
    def is_sound(self) -> bool:
        """Whether it can be relied on, and is complete."""
        return self.valid and not self.partial and self.broken is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One metric of one deployment at one level."""

    scenario: str
    level: float
    level_text: str  # The level with its unit
    metric: MetricName
    deployment: str
    margin: float | None  # The equivalence margin of the metric; None if not known
    value: Estimate  # The geometric mean over the blocks, the outermost cut off
    ratio: Estimate | None  # Divided by the baseline's; None for the baseline, and where nothing was compared


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryHead:
    """The first part of `summary.json`, which lists need."""

    version: str
    results_bytes: int  # Size of the results.json that it was made from
    results_changed_ns: int  # When that was changed
    run: RunSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSummary(SummaryHead):
    """What `summary.json` holds."""

    quantities: tuple[Quantity, ...]


_HEAD, _WHOLE = TypeAdapter(SummaryHead), TypeAdapter(StoredSummary)
Form = TypeVar("Form", SummaryHead, StoredSummary)


def list_runs(runs: Path, summarise: Callable[[Path], RunSummary]) -> list[RunSummary]:
    """List the runs in a folder, the latest first.

    `summarise`: summarises a run that has no summary, or one of other results.
    Raises OSError if the folder cannot be listed.
    """
    found = [read_summary(folder) or summarise(folder) for folder in runs.iterdir() if is_run(folder)]
    return sorted(found, key=lambda run: (run.started_at, run.folder), reverse=True)


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run; not if its name is not text, which cannot be shown."""
    is_text = folder.name.encode(errors="ignore").decode() == folder.name
    return is_text and any(os.path.exists(folder / name) for name in _RUN_FILES)  # noqa: PTH110 - twice as fast


def read_summary(folder: Path) -> RunSummary | None:
    """Read a run's summary; None if there is none that was made from the results as they are now."""
    head = _read(folder, _HEAD)
    return None if head is None else replace(head.run, folder=folder.name)  # it may have been renamed


def read_quantities(folder: Path) -> tuple[Quantity, ...] | None:
    """Read what a run measured from its summary; None as above."""
    summary = _read(folder, _WHOLE)
    return None if summary is None else summary.quantities


def _read(folder: Path, form: TypeAdapter[Form]) -> Form | None:
    try:
        found = form.validate_json((folder / SUMMARY_FILE).read_bytes())
        stat = (folder / RESULTS_FILE).stat()
    except (OSError, ValidationError):
        return None
    made_from = (found.version, found.results_bytes, found.results_changed_ns)
    return found if made_from == (SUMMARY_VERSION, stat.st_size, stat.st_mtime_ns) else None
