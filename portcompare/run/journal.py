"""The journal of a run: each thing that was measured, as it came, so that a kill loses nothing of it."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from portcompare.errors import refuse
from portcompare.http.bodies import find_size
from portcompare.records.manifest import Manifest
from portcompare.records.pages import PageVisit
from portcompare.records.parity import Parity
from portcompare.records.rounds import Round, WorkerChange
from portcompare.records.work import Work
from portcompare.report.formats.results_file import encode

JOURNAL_FILE = "journal.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What a run has known before it measured anything."""

    plan: dict[str, Any]  # Its secrets are hidden
    plan_path: str
    generators: int  # Processes that generate the load
    manifest: Manifest
    started_at: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the journal: one thing, and when it was known; all else is not set."""

    elapsed_s: float = 0.0  # Of the run's time
    begun: Begun | None = None
    parity: Parity | None = None  # One check of the responses
    work: Work | None = None
    manifest: Manifest | None = None  # In place of that of the beginning
    warning: str = ""
    round: Round | None = None
    histogram: str = ""  # Of the round
    worker: WorkerChange | None = None
    visit: PageVisit | None = None
    browser: str = ""  # Of the visit
    blocks: int = 0  # How many have come to their end
    # By then: scenario, level, seconds of its longest round
    longest_s: tuple[tuple[str, float, float], ...] = ()
    # ISO 8601, UTC; what was measured of blocks that have not come to their end is discarded
    resumed_at: str = ""


_ENTRY = TypeAdapter(Entry)
_LARGEST_NUMBER = 2.0**64


def append_entry(folder: Path, entry: Entry) -> None:
    """Append a line to the journal of a run, and wait until the disk has it; the first line makes the file.

    Raises OSError: it cannot be written, or the journal is gone.
    """
    found = {name: value for name, value in asdict(entry).items() if value}
    line = json.dumps(found, ensure_ascii=False, allow_nan=False)
    with (folder / JOURNAL_FILE).open("wb" if entry.begun else "r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(encode(f"{line}\n"))
        file.flush()
        os.fsync(file.fileno())


def cut_torn_line(folder: Path) -> None:
    """Remove a last line of a journal that was not written to its end; raises OSError if it cannot."""
    path = folder / JOURNAL_FILE
    os.truncate(path, sum(map(len, _read_whole_lines(path))))


def read_entries(folder: Path) -> Iterator[Entry]:
    """Read the journal of a run; a last line that the run did not write to its end is left out.

    Raises InputError: the journal cannot be read.
    """
    path = folder / JOURNAL_FILE
    try:
        for number, line in enumerate(_read_whole_lines(path), 1):
            yield _read_entry(line, f"{path}: line {number}")
    except OSError as error:
        remedy = "name the folder of a run that was interrupted or broke off, or measure again"
        raise refuse(str(path), f"cannot be read: {error.strerror}", remedy) from None


def _read_whole_lines(path: Path) -> Iterator[bytes]:
    """Read the lines of a file, however many, without a last one that has no end."""
    find_size(path)
    with path.open("rb") as file:
        yield from (line for line in file if line.endswith(b"\n"))


def _read_entry(line: bytes, where: str) -> Entry:
    try:
        json.loads(line, parse_int=_check, parse_float=_check, parse_constant=_check)
        return _ENTRY.validate_json(line)
    except ValueError as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        remedy = "restore the file, or remove it: results.json holds what was written before"
        raise refuse(where, f"is damaged: {reason}", remedy) from None


def _check(number: str) -> None:
    """Refuse a number with which one cannot calculate."""
    if not abs(float(number)) <= _LARGEST_NUMBER:
        raise ValueError("a number is too large")
