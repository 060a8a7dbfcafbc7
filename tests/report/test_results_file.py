import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcompare.errors import InputError
from portcompare.records.results import Results
from portcompare.report.formats.results_file import read_results, write_results

Edit = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "results.json"


@pytest.mark.parametrize("run", ["results", "hostile"])
def test_reads_back_what_was_written(run: str, path: Path, request: pytest.FixtureRequest) -> None:
    results: Results = request.getfixturevalue(run)
    write_results(results, path)
    assert read_results(path) == results


def test_keys_stand_in_the_order_of_the_record(results: Results, path: Path) -> None:
    write_results(results, path)
    data = json.loads(path.read_text(encoding="utf-8"))
    assert list(data)[:3] == ["schema_version", "name", "started_at"]
    assert list(data["rounds"][0]["load"]["latency_s"]) == ["p50", "p95", "p99", "p999", "max"]


def test_the_same_run_gives_the_same_bytes(results: Results, path: Path) -> None:
    write_results(results, path)
    first = path.read_bytes()
    write_results(read_results(path), path)
    assert path.read_bytes() == first


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


def test_the_file_is_replaced_and_never_written_in_place(results: Results, path: Path) -> None:
    write_results(results, path)
    with path.open(encoding="utf-8") as reader:
        write_results(replace(results, name="other"), path)
        assert json.load(reader)["name"] == results.name


def test_a_lone_surrogate_does_not_cost_the_run(results: Results, path: Path) -> None:
    write_results(replace(results, warnings=("answered \udcff",)), path)
    assert read_results(path).warnings == ("answered ?",)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(f"{path}: there is no such file")):
        read_results(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": ', "line 1, column 10: is not JSON: Expecting value"),
        ('{"duration_s": NaN}', "is not JSON: NaN is no number"),
        ("[1]", "holds no JSON object"),
        ("\x00\ufeff", "is not JSON"),
    ],
)
def test_what_is_not_json_is_said_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_results(path)
    assert caught.value.problems[0].where.startswith(str(path))


def test_bytes_that_are_no_text_are_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read_results(path)


@pytest.mark.parametrize("version", [1, 7])
def test_another_schema_version_is_refused_with_what_to_do(
    version: int, results: Results, path: Path
) -> None:
    write_results(replace(results, schema_version=version), path)
    with pytest.raises(InputError) as caught:
        read_results(path)
    assert str(caught.value) == (
        f"{path}: schema_version: is {version}; this portcompare reads version 2\n"
        "    read it with the portcompare that made it, 0.1.0, or measure again with this one"
    )


def _drop_parity(data: Edit) -> None:
    del data["parity"]


def _add_key(data: Edit) -> None:
    data["rounds"][3]["load"]["latency_s"]["p75"] = 0.1


def _text_for_number(data: Edit) -> None:
    data["rounds"][0]["load"]["rate_rps"] = "12.5"


def _unknown_verdict(data: Edit) -> None:
    data["comparisons"][1]["ratio"]["verdict"] = "better"


@pytest.mark.parametrize(
    ("edit", "place", "found"),
    [
        (_drop_parity, "parity", "is missing"),
        (_add_key, "rounds.3.load.latency_s.p75", "there is no such key"),
        (_text_for_number, "rounds.0.load.rate_rps", "Input should be a valid number"),
        (_unknown_verdict, "comparisons.1.ratio.verdict", "Input should be 'faster', 'slower'"),
    ],
)
def test_what_is_malformed_is_said_with_its_place(
    edit: Callable[[Edit], None], place: str, found: str, results: Results, path: Path
) -> None:
    write_results(results, path)
    data = json.loads(path.read_text(encoding="utf-8"))
    edit(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(f"{path}: {place}: {found}")):
        read_results(path)


def test_all_problems_are_named_at_once(results: Results, path: Path) -> None:
    write_results(results, path)
    data = json.loads(path.read_text(encoding="utf-8"))
    _drop_parity(data)
    _add_key(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_results(path)
    assert len(caught.value.problems) == 2
