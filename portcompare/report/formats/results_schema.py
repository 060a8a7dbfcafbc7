"""The JSON Schemas of what is written as JSON, generated from the records and published in `docs/`."""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import create_model

from portcompare.records import changes, manifest, pages, spectra, sweeps
from portcompare.records import checks as claims
from portcompare.records import checks as gates
from portcompare.records import parity as differences
from portcompare.records import results as model
from portcompare.records.changes import DIFF_SCHEMA_VERSION, RunDiff
from portcompare.records.results import SCHEMA_VERSION, Results
from portcompare.report.files import write_atomically
from portcompare.report.formats.results_file import Envelope

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {5,}.+)*)", re.MULTILINE)


def results_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every `results.json` satisfies.

    Returns:
        The schema, with the records' docstrings as descriptions.
    """
    homes = (model, differences, sweeps, spectra, gates, pages, claims, manifest)
    return record_schema(Results, homes, "results", SCHEMA_VERSION)


def diff_schema() -> dict[str, Any]:
    """The JSON Schema of what `portcompare diff --json` prints.

    Returns:
        The schema, as that of the results.
    """
    return record_schema(RunDiff, (changes,), "diff", DIFF_SCHEMA_VERSION)


def record_schema(record: type, homes: tuple[ModuleType, ...], name: str, version: int) -> dict[str, Any]:
    """The JSON Schema of a record.

    Args:
        record: The record; its `schema_version` says of which form it is.
        homes: The modules of the record and of those it holds.
        name: What it is called.
        version: Of its form.

    Returns:
        The schema, with the records' docstrings as descriptions.
    """
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

    Args:
        schema: The schema.
        path: The file.

    Raises:
        OSError: If the file cannot be written.
    """
    write_atomically(path, json.dumps(schema, indent=2) + "\n")


def _describe(record: dict[str, Any], cls: type) -> None:
    """Give the record its docstring's sentence and each property what the docstring says of the attribute.

    The titles that pydantic makes of the properties' names say nothing more than the names.
    """
    summary, _, attributes = (inspect.getdoc(cls) or "").partition("\n\nAttributes:\n")
    record["description"] = " ".join(summary.split())
    for described in record["properties"].values():
        described.pop("title", None)
    for name, description in _ATTRIBUTE.findall(attributes):
        record["properties"][name]["description"] = " ".join(description.split())
