import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from portcompare.records.results import Results
from portcompare.report.formats.results_file import results_schema, write_schema

PUBLISHED = Path(__file__).parents[2] / "docs" / "results.schema.json"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(results_schema())


def _as_json(results: Results) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(asdict(results)))
    return data


def test_is_a_schema_of_its_draft() -> None:
    schema = results_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:portcompare:results:2"


@pytest.mark.parametrize("run", ["results", "hostile"])
def test_runs_satisfy_it(
    run: str, validator: jsonschema.Draft202012Validator, request: pytest.FixtureRequest
) -> None:
    validator.validate(_as_json(request.getfixturevalue(run)))


@pytest.mark.parametrize(
    "change", [{"schema_version": 1}, {"extra": 1}, {"duration_s": "long"}, {"rounds": [{}]}]
)
def test_other_forms_do_not(
    change: dict[str, object], validator: jsonschema.Draft202012Validator, results: Results
) -> None:
    assert not validator.is_valid(_as_json(results) | change)


def test_descriptions_come_from_the_docstring_and_the_comments_beside_the_fields() -> None:
    records = results_schema()["$defs"]
    assert records["Round"]["description"] == (
        "One measured interval of one arm at one level: the unit of statistics."
    )
    assert records["LoadReport"]["properties"]["handler_s"]["description"] == (
        "Median of the time in the handler, as the server's own `Server-Timing: app` reports it on sampled"
        " responses; None where it does not"
    )


def test_the_published_schema_is_the_generated_one(tmp_path: Path) -> None:
    path = tmp_path / "results.schema.json"
    write_schema(results_schema(), path)
    assert PUBLISHED.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
