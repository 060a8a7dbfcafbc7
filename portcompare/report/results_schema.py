"""The JSON Schema of `results.json`, generated from the record and published in `docs/`."""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any

from portcompare import manifest, model, spectra, sweeps
from portcompare.model import SCHEMA_VERSION
from portcompare.report.files import write_atomically
from portcompare.report.results_file import Envelope

if TYPE_CHECKING:
    from pathlib import Path

_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {5,}.+)*)", re.MULTILINE)

_HOMES = (model, sweeps, spectra, manifest)
"""The modules of the records."""


def results_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every `results.json` satisfies.

    Returns:
        The schema, with the records' docstrings as descriptions.
    """
    records: dict[str, Any] = Envelope.model_json_schema()["$defs"]
    for name, record in records.items():
        _describe(record, next(vars(home)[name] for home in _HOMES if name in vars(home)))
    root = records.pop("Results")
    root["properties"]["schema_version"]["const"] = SCHEMA_VERSION
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:portcompare:results:{SCHEMA_VERSION}",
        **root,
        "title": "portcompare results",
        "$defs": records,
    }


def write_results_schema(path: Path) -> None:
    """Write the schema as JSON, as it is published in `docs/results.schema.json`.

    Args:
        path: The file.

    Raises:
        OSError: If the file cannot be written.
    """
    write_atomically(path, json.dumps(results_schema(), indent=2) + "\n")


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
