"""The database of the history: opened, locked, and brought up to date.

It is an index and nothing more: all that it holds stands in the run folders too.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from portcompare.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE_FILE = "history.db"

_WAIT_S = 20.0
"""How long to wait for another portcompare that writes; each writes for some milliseconds."""

_RUNS = """CREATE TABLE runs (
    folder TEXT PRIMARY KEY,
    size_bytes INTEGER,
    changed_ns INTEGER,
    broken TEXT,
    name TEXT NOT NULL DEFAULT '',
    started_at TEXT NOT NULL DEFAULT '',
    duration_s REAL NOT NULL DEFAULT 0,
    partial INTEGER NOT NULL DEFAULT 0,
    valid INTEGER NOT NULL DEFAULT 0,
    baseline TEXT NOT NULL DEFAULT '',
    deployments TEXT NOT NULL DEFAULT '[]',
    machine TEXT NOT NULL DEFAULT '',
    headline TEXT NOT NULL DEFAULT ''
)"""
_QUANTITIES = """CREATE TABLE quantities (
    folder TEXT NOT NULL REFERENCES runs (folder) ON DELETE CASCADE,
    scenario TEXT NOT NULL,
    level REAL NOT NULL,
    level_text TEXT NOT NULL,
    metric TEXT NOT NULL,
    deployment TEXT NOT NULL,
    blocks INTEGER NOT NULL,
    value REAL NOT NULL,
    low REAL NOT NULL,
    high REAL NOT NULL,
    ratio REAL,
    ratio_low REAL,
    ratio_high REAL,
    margin REAL,
    PRIMARY KEY (folder, scenario, level, metric, deployment)
) WITHOUT ROWID"""
_READ_AGAIN = "UPDATE runs SET changed_ns = NULL"
"""What a new column holds is read from the run folders."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (_RUNS, _QUANTITIES),
    (
        "ALTER TABLE runs ADD COLUMN gates INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE runs ADD COLUMN gates_missed INTEGER NOT NULL DEFAULT 0",
        _READ_AGAIN,
    ),
)
"""The statements that lead from each version of the schema to the next; the first from an empty file."""


@contextmanager
def open_database(path: Path | None) -> Iterator[sqlite3.Connection]:
    """Open a database, and bring its schema up to date.

    `path`: the file, made if it is missing; None for a database that nobody else sees.
    Raises InputError if it cannot be used.
    """
    where = ":memory:" if path is None else str(path)
    try:
        with closing(sqlite3.connect(where, timeout=_WAIT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(connection, where)
            yield connection
    except sqlite3.Error as error:
        remedy = "make it and its folder writable, or remove it: it is built again from the run folders"
        problem = Problem(where=where, found=f"cannot be used: {error}", remedy=remedy)
        raise InputError([problem]) from error


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Change the database in one go, alone; others wait."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection, where: str) -> None:
    if _version(connection) == len(MIGRATIONS):
        return
    with writing(connection):
        version = _version(connection)  # now that nobody else can change it
        if version > len(MIGRATIONS):
            found = f"is of version {version}, and this portcompare knows {len(MIGRATIONS)}"
            remedy = "use the newer portcompare, or remove the file: it is built again from the run folders"
            raise InputError([Problem(where=where, found=found, remedy=remedy)])
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
