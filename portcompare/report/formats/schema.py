"""The JSON Schemas of what is written as JSON, generated from the records and published in `docs/`."""

import ast
import inspect
import io
import json
import tokenize
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from pydantic import create_model

from portcompare.records import changes, checks, estimates, manifest, pages, parity, results, rounds, sweeps
from portcompare.records.changes import DIFF_SCHEMA_VERSION, RunDiff
from portcompare.records.results import SCHEMA_VERSION, Results
from portcompare.report.files import write_atomically
from portcompare.report.formats.results_file import Envelope


def results_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every `results.json` satisfies."""
    homes = (results, rounds, estimates, parity, sweeps, checks, pages, manifest)
    return record_schema(Results, homes, "results", SCHEMA_VERSION)


def diff_schema() -> dict[str, Any]:
    """The JSON Schema of what `portcompare diff --json` prints."""
    return record_schema(RunDiff, (changes, estimates), "diff", DIFF_SCHEMA_VERSION)


def record_schema(record: type, homes: tuple[ModuleType, ...], name: str, version: int) -> dict[str, Any]:
    """The JSON Schema of a record."""
    envelope = create_model("Envelope", __config__=Envelope.model_config, record=(record, ...))
    records: dict[str, Any] = envelope.model_json_schema()["$defs"]
    for title, one in records.items():
        _describe(one, next(vars(home)[title] for home in homes if title in vars(home)))
    root = records.pop(record.__name__)
    root["properties"]["schema_version"]["const"] = version
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:portcompare:{name}:{version}",
        **root,
        "title": f"portcompare {name}",
        "$defs": records,
    }


def write_schema(schema: dict[str, Any], path: Path) -> None:
    """Write a schema as JSON, as it is published in `docs/`.

    Raises OSError if the file cannot be written.
    """
    write_atomically(path, json.dumps(schema, indent=2) + "\n")


def _describe(record: dict[str, Any], cls: type) -> None:
    """Give the record its docstring and each property the comment beside its field.

    The titles that pydantic makes of the properties' names add nothing to the names.
    """
    record["description"] = " ".join((inspect.getdoc(cls) or "").split())
    for described in record["properties"].values():
        described.pop("title", None)
    for name, comment in field_comments(cls).items():
        record["properties"][name]["description"] = comment


def field_comments(cls: type) -> dict[str, str]:
    """The comments of a record's fields by name: at the end of the field's line, or in the lines above it."""
    source = inspect.getsource(cls)
    comments: dict[int, str] = {}
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments[token.start[0]] = token.string.lstrip("# ")
        elif token.string.strip():
            code.update(range(token.start[0], token.end[0] + 1))
    body = cast("ast.ClassDef", ast.parse(source).body[0]).body
    found = {}
    for field in body:
        if not isinstance(field, ast.AnnAssign) or field.end_lineno is None:
            continue
        above = field.lineno
        while above - 1 in comments and above - 1 not in code:
            above -= 1
        lines = [
            comments[line] for line in (*range(above, field.lineno), field.end_lineno) if line in comments
        ]
        if lines:
            found[ast.unparse(field.target)] = " ".join(lines)
    return found
