from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.report.exporters import EXPORTERS, write_reports
from portcompare.report.results_file import read_results, write_results

if TYPE_CHECKING:
    from pathlib import Path

    from portcompare.model import Results


def test_writes_every_format_and_says_where(results: Results, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "plan"
    assert write_reports(results, folder) == tuple(folder / name for name in EXPORTERS)
    assert {path.name for path in folder.iterdir()} == set(EXPORTERS)


@pytest.mark.parametrize("name", EXPORTERS)
def test_the_same_results_file_gives_the_same_bytes(name: str, hostile: Results, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(hostile, path)
    assert EXPORTERS[name](read_results(path)) == EXPORTERS[name](hostile)
