import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docs.generate import record_schema
from portcompare.errors import InputError, Problem
from portcompare.records.results import Results
from portcompare.report.formats.results_file import read_results, render_manifest, results_text, write_results

PUBLISHED = Path(__file__).parents[2] / "docs" / "results.schema.json"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "results.json"


def test_reads_back_what_was_written_whole_and_never_in_place_and_writes_the_same_bytes_of_it(
    results: Results, hostile: Results, path: Path
) -> None:
    write_results(results, path)
    first = path.read_bytes()
    data = json.loads(first)
    assert list(data)[:3] == ["schema_version", "name", "started_at"]
    assert list(data["rounds"][0]["load"]["latency_s"]) == ["p50", "p95", "p99", "p999", "max"]
    assert read_results(path) == results
    write_results(read_results(path), path)
    assert path.read_bytes() == first
    with path.open(encoding="utf-8") as reader:
        write_results(hostile, path)
        assert json.load(reader)["name"] == results.name
    assert read_results(path) == hostile


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_refuses_what_json_cannot_say_and_keeps_the_old_file(
    number: float, results: Results, path: Path
) -> None:
    write_results(results, path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_results(replace(results, duration_s=number), path)
    assert read_results(path) == results


def test_a_write_that_breaks_off_leaves_the_old_file_and_nothing_else(
    results: Results, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_results(results, path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_results(replace(results, name="other"), path)
    assert read_results(path) == results
    assert list(path.parent.iterdir()) == [path]


def test_a_lone_surrogate_does_not_cost_the_run(results: Results, path: Path) -> None:
    write_results(replace(results, warnings=("answered \udcff",)), path)
    assert read_results(path).warnings == ("answered ?",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": ', "line 1, column 10: is not JSON: Expecting value"),
        ('{"duration_s": NaN}', "is not JSON: NaN is no number"),
        ("[1]", "holds no JSON object"),
        ("\x00\ufeff", "is not JSON"),
        (b"\xff\xfe", "cannot be read"),
        ("[" * 100_000, "is not JSON: maximum recursion depth"),
        ("9" * 5000, "is not JSON: Exceeds the limit"),
        (None, "there is no such file"),
    ],
)
def test_what_is_not_json_is_said_with_its_place(
    text: str | bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "results.json"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_results(path)
    assert caught.value.problems[0].where.startswith(str(path))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=40)
@given(draw=st.data(), value=VALUES)
def test_a_file_with_any_value_anywhere_is_read_or_refused_with_the_place(
    results: Results, tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject, value: object
) -> None:
    data = json.loads(results_text(results))
    place: Any = data
    while True:
        keys = [*place] if isinstance(place, dict) else range(len(place))
        key = draw.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or draw.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    path = tmp_path_factory.mktemp("mutated") / "results.json"
    path.write_text(json.dumps(data))
    problems: tuple[Problem, ...] = ()
    try:
        read_results(path)
    except InputError as error:
        problems = error.problems
    assert all(one.where.startswith(str(path)) and one.found and one.remedy for one in problems)


@pytest.mark.parametrize("version", [1, 7])
def test_another_schema_version_is_refused_with_what_to_do(
    version: int, results: Results, path: Path
) -> None:
    write_results(replace(results, schema_version=version), path)
    with pytest.raises(InputError) as caught:
        read_results(path)
    assert str(caught.value) == (
        f"{path}: schema_version: is {version}; this portcompare reads version 3\n"
        "    read it with the portcompare that made it, 0.1.0, or measure again with this one"
    )


def test_all_that_is_malformed_is_said_at_once_each_with_its_place(results: Results, path: Path) -> None:
    write_results(results, path)
    data = json.loads(path.read_text(encoding="utf-8"))
    del data["parity"]
    data["rounds"][3]["load"]["latency_s"]["p75"] = 0.1
    data["rounds"][0]["load"]["rate_rps"] = "12.5"
    data["comparisons"][1]["ratio"]["verdict"] = "better"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_results(path)
    assert len(caught.value.problems) == 4
    for said in (
        "parity: is missing",
        "rounds.3.load.latency_s.p75: there is no such key",
        "rounds.0.load.rate_rps: Input should be a valid number",
        "comparisons.1.ratio.verdict: Input should be 'faster', 'slower'",
    ):
        assert f"{path}: {said}" in str(caught.value)


def test_facts_of_the_manifest_are_sorted_lines_with_a_key_and_a_value_each(results: Results) -> None:
    manifest = results.manifest
    first = replace(manifest.deployments[0], environment={"GREETING": "a\nb \u00e9"})
    shown = replace(results, manifest=replace(manifest, deployments=(first, *manifest.deployments[1:])))
    lines = render_manifest(shown).splitlines()
    assert lines == sorted(lines)
    assert {
        f"cpu_count: {manifest.cpu_count}",
        f"deployments.{first.name}.environment.GREETING: a\\nb \u00e9",
        f"deployments.{first.name}.command: {' '.join(first.command)}",
        *(f"deployments.{one.name}.slots: {one.slots}" for one in manifest.deployments),
    } <= set(lines)
    assert not [line for line in lines if line.startswith(("differences", "load_average"))]


def as_json(results: Results) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(results_text(results))
    return data


def test_runs_satisfy_the_schema_and_other_forms_do_not(results: Results, hostile: Results) -> None:
    schema = record_schema("results")
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:portcompare:results:3"
    for run in (results, hostile):
        validator.validate(as_json(run))
    changes: tuple[Any, ...] = ({"schema_version": 1}, {"extra": 1}, {"duration_s": "long"}, {"rounds": [{}]})
    assert not [change for change in changes if validator.is_valid(as_json(results) | change)]


def test_the_published_schema_is_the_generated_one_described_by_docstrings_and_comments() -> None:
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert published == record_schema("results"), "run `make docs`"
    records = published["$defs"]
    unit = "All that was measured of one arm at one level in one block: a window of load, or turns."
    assert records["Round"]["description"] == unit
    assert records["LoadReport"]["properties"]["handler_s"]["description"] == (
        "Median of the time in the handler, as the server's own `Server-Timing: app` reports it on sampled"
        " responses; None where it does not"
    )
