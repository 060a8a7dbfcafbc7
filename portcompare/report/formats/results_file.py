"""The file `results.json`, which holds the whole run, and `manifest.txt`, which holds its conditions."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from portcompare.analyse.diff import list_conditions
from portcompare.errors import InputError, Problem
from portcompare.records.results import SCHEMA_VERSION, Results
from portcompare.report.files import write_atomically

_RESTORE = "restore the file, or measure again"


class Envelope(BaseModel):
    """The record inside a model: the one way to make pydantic strict about plain dataclasses.

    The configuration of a model reaches the dataclasses in its fields, and theirs in turn.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    results: Results


def write_results(results: Results, path: Path) -> None:
    """Write a run as JSON, its keys in the order of the record's fields.

    Raises ValueError if a number is infinite or not a number, which JSON cannot express.
    Raises OSError if the file cannot be written.
    """
    write_atomically(path, results_text(results))


def results_text(results: Results) -> str:
    """A run as JSON, its keys in the order of the record's fields.

    Raises ValueError if a number is infinite or not a number, which JSON cannot express.
    """
    return json.dumps(asdict(results), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_results(path: Path) -> Results:
    """Read a run that `write_results` wrote.

    Raises InputError if the file is missing, not JSON, of another schema version, or malformed; with the
    place of every problem.
    """
    text = _read_text(path)
    _check_version(path, _parse(path, text))
    try:
        return Envelope.model_validate_json(f'{{"results": {text}}}').results
    except ValidationError as error:
        raise InputError(_problem(path, details) for details in error.errors(include_url=False)) from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        _refuse(path, "there is no such file", "name the results.json of a finished run")
    except (OSError, UnicodeDecodeError) as error:
        _refuse(path, f"cannot be read: {error}", "name the results.json of a finished run")


def _parse(path: Path, text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"{path}: line {error.lineno}, column {error.colno}"
        _refuse(where, f"is not JSON: {error.msg}", _RESTORE)
    except ValueError as error:
        _refuse(path, f"is not JSON: {error}", _RESTORE)


def _refuse_constant(name: str) -> NoReturn:
    """Refuse what Python's reader takes for numbers, though JSON knows no such thing."""
    raise ValueError(f"{name} is no number")


def _check_version(path: Path, data: Any) -> None:  # noqa: ANN401 - any JSON value
    if not isinstance(data, dict):
        _refuse(path, "holds no JSON object", "name the results.json of a finished run")
    version = data.get("schema_version")
    if version == SCHEMA_VERSION:
        return
    manifest = data.get("manifest")
    maker = manifest.get("portcompare") if isinstance(manifest, dict) else None
    made_by = f", {maker}" if maker else ""
    _refuse(
        f"{path}: schema_version",
        f"is {json.dumps(version)}; this portcompare reads version {SCHEMA_VERSION}",
        f"read it with the portcompare that made it{made_by}, or measure again with this one",
    )


def _problem(path: Path, details: ErrorDetails) -> Problem:
    place = ".".join(str(part) for part in details["loc"][1:])
    where = f"{path}: {place}"
    if details["type"] == "missing":
        return Problem(where=where, found="is missing", remedy=_RESTORE)
    if details["type"] == "unexpected_keyword_argument":
        return Problem(where=where, found="there is no such key", remedy=_RESTORE)
    return Problem(where=where, found=details["msg"], remedy=_RESTORE)


def _refuse(where: object, found: str, remedy: str) -> NoReturn:
    raise InputError([Problem(where=str(where), found=found, remedy=remedy)]) from None


def render_manifest(results: Results) -> str:
    """Write the manifest down: `diff OLD/manifest.txt NEW/manifest.txt` shows what was not alike."""
    conditions = list_conditions(results.manifest)
    return "".join(
        f"{line}\n" for line in sorted(f"{name}: {_one_line(conditions[name])}" for name in conditions)
    )


def _one_line(text: str) -> str:
    """A text, with escapes for what is not printable: a line break would make two facts of one."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
