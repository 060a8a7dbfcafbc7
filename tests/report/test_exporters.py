from pathlib import Path

import pytest

from portcompare.records.results import Results
from portcompare.report import EXPORTERS, write_reports
from portcompare.report.formats.results_file import read_results, write_results
from tests.report.conftest import unmeasured


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_writes_every_format_and_again_byte_for_byte_from_the_results_alone(
    hostile: Results, tmp_path: Path
) -> None:
    first, second = tmp_path / "runs" / "first", tmp_path / "second"
    assert write_reports(hostile, first) == tuple(first / name for name in EXPORTERS)
    assert {path.name for path in first.iterdir()} == set(EXPORTERS)
    write_results(hostile, second / "results.json")
    write_reports(read_results(second / "results.json"), second)
    found = _contents(second)
    del found["results.json"]
    assert found == _contents(first)


@pytest.mark.parametrize("name", EXPORTERS)
def test_a_run_that_ended_before_its_first_round_has_every_format(name: str, results: Results) -> None:
    content = EXPORTERS[name](unmeasured(results))
    assert isinstance(content, str) == ("." in name)
    assert content or "." not in name
