"""The index and the run folders: what came is read, what went is forgotten."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.analyse import find_quantities
from portcompare.errors import InputError
from portcompare.history.database import DATABASE_FILE, open_database, writing
from portcompare.records.rounds import CONTROL
from portcompare.report import HISTOGRAM_FOLDER, RESULTS_FILE, level_text, margin_of, read_results
from portcompare.units import count, size

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from portcompare.records.manifest import Manifest
    from portcompare.records.results import Results

RUNS = Path("runs")
"""Where runs are written if nothing else is asked for."""

_TRACES = (RESULTS_FILE, HISTOGRAM_FOLDER, "loadgen.log")
"""What shows that a folder is that of a run."""


def is_kept(folder: Path) -> bool:
    """Whether a run belongs to a history."""
    runs = folder.absolute().parent
    return runs == RUNS.absolute() or (runs / DATABASE_FILE).exists()


def note_run(folder: Path) -> None:
    """Add a finished run to the history beside it.

    Raises InputError if the database cannot be used.
    """
    with open_database(folder.parent / DATABASE_FILE) as connection:
        _read(connection, folder)


@contextmanager
def open_history(runs: Path, warn: Callable[[str], None]) -> Iterator[sqlite3.Connection]:
    """Open the history of a folder of runs, with all that is there and nothing that is not.

    Raises InputError if the database is there and is none, or of a newer portcompare.
    """
    path = runs / DATABASE_FILE
    is_writable = os.access(runs, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))
    if not is_writable:
        warn(f"{path} cannot be written, so the run folders are read anew each time")
    with open_database(path if is_writable else None) as connection:
        _synchronise(connection, runs)
        yield connection


def _synchronise(connection: sqlite3.Connection, runs: Path) -> None:
    known = {
        folder: (size_bytes, changed_ns)
        for folder, size_bytes, changed_ns in connection.execute(
            "SELECT folder, size_bytes, changed_ns FROM runs"
        )
    }
    there = {folder.name: folder for folder in sorted(runs.iterdir()) if _is_run(folder)}
    for name, folder in there.items():
        if known.get(name) != _stamp(folder):
            _read(connection, folder)
    gone = [(name,) for name in known if name not in there]
    if gone:
        with writing(connection):
            connection.executemany("DELETE FROM runs WHERE folder = ?", gone)


def _is_run(folder: Path) -> bool:
    if _sound(folder.name) != folder.name:
        return False  # a name that is no text can be neither shown nor linked
    return folder.is_dir() and any((folder / trace).exists() for trace in _TRACES)


def _stamp(folder: Path) -> tuple[int, int]:
    """By what it is seen that a run's results have changed; of a folder without results always the same."""
    try:
        found = (folder / RESULTS_FILE).stat()
    except OSError:
        return (0, 0)
    return (found.st_size, found.st_mtime_ns)


def _read(connection: sqlite3.Connection, folder: Path) -> None:
    """Read a run's results; while that takes its time, nobody has to wait."""
    stamp = _stamp(folder)
    row: dict[str, object] = {"folder": folder.name, "size_bytes": stamp[0], "changed_ns": stamp[1]}
    quantities: list[dict[str, object]] = []
    try:
        results = read_results(folder / RESULTS_FILE)
    except InputError as error:
        row["broken"] = _sound(f"{error.problems[0].where}: {error.problems[0].found}")
    else:
        row |= _run_row(results)
        quantities = list(_quantity_rows(folder.name, results))
    with writing(connection):
        connection.execute("DELETE FROM runs WHERE folder = ?", (folder.name,))
        _insert(connection, "runs", row)
        for each in quantities:
            _insert(connection, "quantities", each)


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    places = ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", row)  # noqa: S608 - our own names


def _run_row(results: Results) -> dict[str, object]:
    deployments = list(dict.fromkeys(one.deployment for one in results.summaries if one.arm != CONTROL))
    return {
        "name": _sound(results.name),
        "started_at": results.started_at,
        "duration_s": results.duration_s,
        "partial": results.partial,
        "valid": results.valid,
        "baseline": _sound(str(results.plan.get("baseline", ""))),
        "deployments": _sound(json.dumps(deployments)),
        "machine": _sound(_machine(results.manifest)),
        "gates": len(results.gates),
        "gates_missed": sum(not gate.passed for gate in results.gates),
        "headline": _sound(results.headline),
    }


def _quantity_rows(folder: str, results: Results) -> Iterator[dict[str, object]]:
    for one in find_quantities(results):
        yield {
            "folder": folder,
            "scenario": _sound(one.scenario),
            "level": one.level,
            "level_text": level_text(results, one.scenario, one.level),
            "metric": one.metric,
            "deployment": _sound(one.deployment),
            "blocks": one.value.blocks,
            "value": one.value.point,
            "low": one.value.low,
            "high": one.value.high,
            "ratio": one.ratio and one.ratio.point,
            "ratio_low": one.ratio and one.ratio.low,
            "ratio_high": one.ratio and one.ratio.high,
            "margin": margin_of(results, one.metric),
        }


def _machine(manifest: Manifest) -> str:
    """What tells a machine from another; memory to the nearest GiB, as kernels keep some for themselves."""
    memory = size(max(1, round(manifest.memory_bytes / 1024**3)) * 1024**3)
    return f"{manifest.cpu_model or 'CPU of no known model'}, {count(manifest.cpu_count, 'CPU')}, {memory}"


def _sound(text: str) -> str:
    """A text that a database can hold: without lone surrogates."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
