"""`{name}` in a request: found, and filled with a value that is encoded for its place.

A request is encoded before it is filled, so that rows of a file and values that a login keeps are filled in
alike, in plans and in locustfiles. Percent-encoding leaves the name of a placeholder as it is.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from portcompare.errors import InputError, Problem, refuse
from portcompare.http.bodies import read_file
from portcompare.http.trees import json_type, load_json
from portcompare.records.requests import RequestSpec

# A placeholder's name: no character of it is ever percent-encoded or escaped.
NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]*"

_PLAIN: Final = re.compile(rf"\{{({NAME})\}}")
_ENCODED: Final = re.compile(rf"(?:\{{|%7B)({NAME})(?:\}}|%7D)")
# A whole string, unless it is a key, comes first: it takes a value of any type.
_JSON: Final = re.compile(rf'(?<!\\)"\{{({NAME})\}}"(?!\s*:)|\{{({NAME})\}}')

_FORM: Final = "application/x-www-form-urlencoded"


def as_written(target: str) -> str:
    """A target, the braces of its placeholders not percent-encoded."""
    return _ENCODED.sub(r"{\1}", target)


def names_in(request: RequestSpec) -> frozenset[str]:
    """The names of a request's placeholders."""
    values = " ".join(value for _, value in request.headers)
    body = request.body.decode("latin-1")  # which loses no byte and never fails: the names are ASCII
    in_body = (_ENCODED if _media_type(request) == _FORM else _PLAIN).findall(body)
    return frozenset((*_ENCODED.findall(request.target), *_PLAIN.findall(values), *in_body))


def fill_in(request: RequestSpec, values: Mapping[str, object]) -> RequestSpec:
    """Fill a request's placeholders; those without a value stay."""

    def fill(pattern: re.Pattern[str], text: str, encode: Encode) -> str:
        def replacement(found: re.Match[str]) -> str:
            name = found[found.lastindex or 0]
            return encode(values[name], found) if name in values else found[0]

        return pattern.sub(replacement, text)

    media_type = _media_type(request)
    in_body: tuple[re.Pattern[str], Encode] = (_PLAIN, _text)
    if media_type == _FORM:
        in_body = _ENCODED, _percent_encoded
    elif media_type == "application/json" or media_type.endswith("+json"):
        in_body = _JSON, _in_json
    body = request.body.decode(errors="surrogateescape")  # which keeps what is not UTF-8
    return replace(
        request,
        target=fill(_ENCODED, request.target, _percent_encoded),
        headers=tuple((name, fill(_PLAIN, value, _text)) for name, value in request.headers),
        body=fill(in_body[0], body, in_body[1]).encode(errors="surrogateescape"),
    )


Encode = Callable[[object, re.Match[str]], str]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _text(value: object, _: object = None) -> str:
    """Text as it is, any other value as JSON."""
    return value if isinstance(value, str) else _json(value)


def _percent_encoded(value: object, _: object) -> str:
    return quote(_text(value), safe="")


def _in_json(value: object, found: re.Match[str]) -> str:
    is_whole_string = found[1] is not None
    return _json(value) if is_whole_string else _json(_text(value))[1:-1]


def _media_type(request: RequestSpec) -> str:
    return (request.header("Content-Type") or "").partition(";")[0].strip().lower()


# Where many rows are wrong, they are wrong for one reason.
_MOST_LISTED = 5

MOST_ROWS = 100_000  # Each makes a request, of a kilobyte or so


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a file of values."""

    line: int  # The line of the file it ends on, from 1
    values: Mapping[str, object]  # By column: text from CSV, any JSON value from JSON Lines


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read a file of values; an InputError has everything that is wrong with it, each with its line."""
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise refuse(str(path), "is neither .csv nor .jsonl", "name the file by its format")
    try:
        # With a byte order mark, as spreadsheets write it; line ends as they are, as the csv module requires.
        text = read_file(path).decode("utf-8-sig")
    except FileNotFoundError:
        raise refuse(str(path), "there is no such file", "write it, or name another") from None
    except (OSError, UnicodeDecodeError) as error:
        raise refuse(str(path), f"cannot be read: {error}", "name a readable file of UTF-8") from error
    found = tuple(parse(path, text))
    rows = tuple(one for one in found if isinstance(one, Row))
    if len(rows) < len(found):
        raise refuse_rows(path, [one for one in found if isinstance(one, Problem)])
    if len(rows) > MOST_ROWS:
        what = f"has {len(rows):,} rows, and {MOST_ROWS:,} are allowed"
        raise InputError([_problem(path, what, "name a file with fewer: a round draws only some of them")])
    if not rows:
        raise refuse(str(path), "has no rows", "write at least one row of values")
    return rows


def refuse_rows(path: Path, problems: Sequence[Problem]) -> InputError:
    """The error for a file some of whose rows are wrong: the first problems, and the number of the others."""
    listed = [*problems[:_MOST_LISTED]]
    if more := len(problems) - len(listed):
        listed.append(_problem(path, f"{more} more lines are wrong", "correct them in the same way"))
    return InputError(listed)


def share_weights(expanded: Iterable[tuple[Sequence[RequestSpec], float]]) -> dict[RequestSpec, float]:
    """Divide the weight of each request among the requests that its rows made of it."""
    weights: dict[RequestSpec, float] = {}
    for requests, weight in expanded:
        for request in requests:
            weights[request] = weights.get(request, 0.0) + weight / len(requests)
    return weights


def _parse_csv(path: Path, text: str) -> Iterator[Row | Problem]:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    columns: list[str] | None = None
    try:
        for cells in reader:
            if not cells:
                continue
            if columns is None:
                columns = cells
                if not all(map(str.strip, columns)):
                    yield _problem(path, "has a column without a name", "name each column", reader.line_num)
                for column in dict.fromkeys(columns):
                    if column.strip() and columns.count(column) > 1:
                        remedy = "give each column its own name"
                        yield _problem(path, f"names {column!r} twice", remedy, reader.line_num)
            elif len(cells) != len(columns):
                found = f"has {len(cells)} values, and there are {len(columns)} columns"
                remedy = f"give each column a value: {', '.join(columns)}"
                yield _problem(path, found, remedy, reader.line_num)
            else:
                yield Row(line=reader.line_num, values=dict(zip(columns, cells, strict=True)))
    except csv.Error as error:
        remedy = 'put values with commas, quotes or line ends in quotes: "a ""quoted"" one"'
        yield _problem(path, f"is not CSV: {error}", remedy, reader.line_num)


def _parse_json_lines(path: Path, text: str) -> Iterator[Row | Problem]:
    columns: set[str] | None = None
    # Not splitlines: JSON text may hold other line ends, such as U+2028.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = load_json(line)
        except ValueError as error:  # of a number with thousands of digits it is no JSONDecodeError
            detail = (
                f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
            )
            yield _problem(path, f"is not JSON: {detail}", "write one JSON object a line", number)
            continue
        if not isinstance(values, dict):
            remedy = 'write one JSON object a line: {"name": "value"}'
            yield _problem(path, f"holds {json_type(values)}, not an object", remedy, number)
            continue
        if columns is None:
            columns = set(values)
        if columns == set(values):
            yield Row(line=number, values=values)
        else:
            differing = ", ".join(sorted(columns ^ set(values)))
            found = f"does not have the keys of the first line: {differing}"
            yield _problem(path, found, "give each line the same keys", number)


def _problem(path: Path, found: str, remedy: str, line: int | None = None) -> Problem:
    where = str(path) if line is None else f"{path}: line {line}"
    return Problem(where=where, found=found, remedy=remedy)


_PARSERS = {".csv": _parse_csv, ".jsonl": _parse_json_lines, ".ndjson": _parse_json_lines}
