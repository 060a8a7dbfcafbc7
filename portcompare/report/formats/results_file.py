"""The files of a run: written whole or not at all, and `results.json` read back."""

import hashlib
import json
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError

from portcompare.analyse.diff import list_conditions
from portcompare.errors import InputError, Problem, refuse
from portcompare.http.bodies import read_file
from portcompare.records.results import SCHEMA_VERSION, Results
from portcompare.report.wording import visible

_RESTORE = "restore the file, or measure again"
_NAME_A_RUN = "name the results.json of a finished run"
_LONGEST_NAME = 60


def encode(text: str) -> bytes:
    """A text as it is written: UTF-8."""
    return text.encode("utf-8", errors="replace")


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file, whole or not at all; raises OSError if it cannot, and leaves what stood there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("xb") as file:
            file.write(encode(content) if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def safe_name(name: str) -> str:
    """A name fit for a file's name; two names never become one.

    A dash before a digit counts as unfit, for a level may follow one.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:_LONGEST_NAME]
    if safe == name and not re.search(r"^[.-]|-\d", name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", errors="surrogatepass")).hexdigest()[:12]
    return f"{safe.lstrip('.-')}_{digest}"


class Envelope(BaseModel):
    """The record inside a model: the one way to make pydantic strict about plain dataclasses.

    The configuration of a model reaches the dataclasses in its fields, and theirs in turn.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    results: Results


def write_results(results: Results, path: Path) -> None:
    """Write a run as `results_text` renders it."""
    write_atomically(path, results_text(results))


def results_text(results: Results) -> str:
    """A run as JSON in the order of the record's fields; raises ValueError for a number that JSON lacks."""
    return json.dumps(asdict(results), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_results(path: Path) -> Results:
    """Read a run that `write_results` wrote; raises InputError with the place of every problem."""
    try:
        text = read_file(path).decode()
        data = json.loads(text, parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise refuse(str(path), "there is no such file", _NAME_A_RUN) from None
    except (OSError, UnicodeDecodeError) as error:
        raise refuse(str(path), f"cannot be read: {error}", _NAME_A_RUN) from None
    except json.JSONDecodeError as error:
        where = f"{path}: line {error.lineno}, column {error.colno}"
        raise refuse(where, f"is not JSON: {error.msg}", _RESTORE) from None
    except (ValueError, RecursionError) as error:
        raise refuse(str(path), f"is not JSON: {error}", _RESTORE) from None
    _check_version(path, data)
    try:
        return Envelope.model_validate_json(f'{{"results": {text}}}').results
    except ValidationError as error:
        problems = []
        for details in error.errors(include_url=False):
            where, found = ".".join(map(str, details["loc"][1:])), _FOUND.get(details["type"], details["msg"])
            problems.append(Problem(where=f"{path}: {where}", found=found, remedy=_RESTORE))
        raise InputError(problems) from error


_FOUND = {"missing": "is missing", "unexpected_keyword_argument": "there is no such key"}
"""What is wrong, by pydantic's name of it, where its own words do not fit a file."""


def _refuse_constant(name: str) -> NoReturn:
    """Refuse what Python's reader takes for numbers, though JSON knows no such thing."""
    raise ValueError(f"{name} is no number")


def _check_version(path: Path, data: Any) -> None:  # noqa: ANN401 - any JSON value
    if not isinstance(data, dict):
        raise refuse(str(path), "holds no JSON object", _NAME_A_RUN)
    version = data.get("schema_version")
    if version == SCHEMA_VERSION:
        return
    manifest = data.get("manifest")
    maker = manifest.get("portcompare") if isinstance(manifest, dict) else None
    made_by = f", {maker}" if maker else ""
    raise refuse(
        f"{path}: schema_version",
        f"is {json.dumps(version)}; this portcompare reads version {SCHEMA_VERSION}",
        f"read it with the portcompare that made it{made_by}, or measure again with this one",
    )


def render_manifest(results: Results) -> str:
    """Write the manifest down: `diff OLD/manifest.txt NEW/manifest.txt` shows what was not alike."""
    lines = sorted(f"{name}: {text}" for name, text in list_conditions(results.manifest).items())
    return "".join(f"{visible(line)}\n" for line in lines)  # a line break would make two facts of one
