"""Rows of values for requests, from a CSV or a JSON Lines file."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.errors import InputError, Problem
from portcompare.http.bodies import json_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from portcompare.records.requests import RequestSpec

_SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}

_MOST_TOLD = 5
"""Where many rows are wrong, they are so for one reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a file of values."""

    line: int  # The line of the file it ends on, from 1
    values: Mapping[str, object]  # Its values by column: text from CSV, any JSON value from JSON Lines


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read a file of values.

    Raises InputError: with everything that is wrong with the file, each with its line.
    """
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise _refused(str(path), "is neither .csv nor .jsonl", "name the file by what it holds")
    try:
        # As the csv module asks for; a mark of the byte order, as spreadsheets write it, is no column's name.
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _refused(str(path), "there is no such file", "write it, or name another") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(str(path), f"cannot be read: {error}", "name a readable file of UTF-8") from error
    problems: list[Problem] = []
    rows = tuple((_csv_rows if kind == "csv" else _jsonl_rows)(path, text, problems))
    if problems:
        raise refuse_rows(path, problems)
    if not rows:
        raise _refused(str(path), "holds no row", "write one row of values at least")
    return rows


def refuse_rows(path: Path, problems: Sequence[Problem]) -> InputError:
    """Refuse a file some of whose rows are wrong."""
    told = [*problems[:_MOST_TOLD]]
    more = len(problems) - len(told)
    if more:
        found = f"{more} more of its lines are wrong"
        told.append(Problem(where=str(path), found=found, remedy="correct them alike"))
    return InputError(told)


def share_weights(
    asked: Iterable[tuple[Sequence[RequestSpec], float]],
) -> dict[RequestSpec, float]:
    """Share the weight of each request among those that it became by its rows."""
    weights: dict[RequestSpec, float] = {}
    for requests, weight in asked:
        for request in requests:
            weights[request] = weights.get(request, 0.0) + weight / len(requests)
    return weights


def _csv_rows(path: Path, text: str, problems: list[Problem]) -> Iterator[Row]:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    columns: list[str] | None = None
    try:
        for cells in reader:
            if not cells:
                continue
            if columns is None:
                columns = cells
                problems += _bad_header(f"{path}: line {reader.line_num}", columns)
            elif len(cells) != len(columns):
                found = f"has {len(cells)} values, and there are {len(columns)} columns"
                remedy = f"give each column a value: {', '.join(columns)}"
                problems.append(Problem(where=f"{path}: line {reader.line_num}", found=found, remedy=remedy))
            else:
                yield Row(line=reader.line_num, values=dict(zip(columns, cells, strict=True)))
    except csv.Error as error:
        problems.append(
            Problem(
                where=f"{path}: line {reader.line_num}",
                found=f"is not CSV: {error}",
                remedy='put values with commas, quotes or line ends in quotes: "a ""quoted"" one"',
            )
        )


def _bad_header(where: str, columns: list[str]) -> Iterator[Problem]:
    for column in dict.fromkeys(columns):
        if not column.strip():
            yield Problem(where=where, found="has a column without a name", remedy="name each column")
        elif columns.count(column) > 1:
            yield Problem(
                where=where, found=f"names {column!r} twice", remedy="give each column its own name"
            )


def _jsonl_rows(path: Path, text: str, problems: list[Problem]) -> Iterator[Row]:
    columns: set[str] | None = None
    # Not splitlines: JSON text may hold other line ends, such as U+2028.
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{path}: line {number}"
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:  # of a number of thousands of digits it is no JSONDecodeError
            said = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
            found = f"is not JSON: {said}"
            problems.append(Problem(where=where, found=found, remedy="write one JSON object a line"))
            continue
        if not isinstance(values, dict):
            problems.append(
                Problem(
                    where=where,
                    found=f"holds {json_type(values)}, not an object",
                    remedy='write one JSON object a line: {"name": "value"}',
                )
            )
            continue
        if columns is None:
            columns = set(values)
        differing = sorted(columns ^ set(values))
        if differing:
            found = f"does not have the keys of the first line: {', '.join(differing)}"
            problems.append(Problem(where=where, found=found, remedy="give each line the same keys"))
            continue
        yield Row(line=number, values=values)


def _refused(where: str, found: str, remedy: str) -> InputError:
    return InputError([Problem(where=where, found=found, remedy=remedy)])
