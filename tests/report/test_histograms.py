from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from portcompare.report.formats.histograms import append_round, histogram_path
from tests.altered import altered
from tests.analyse.samples import ROUND

LOWEST_US, HIGHEST_US, DIGITS = 1, 3_600_000_000, 3
START_S = 1772444467.25


def _histogram() -> HdrHistogram:
    return HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)


def _append(folder: Path, start_s: float, *latencies_us: int, **place: Any) -> None:  # noqa: ANN401 - Round's
    histogram = _histogram()
    for latency_us in latencies_us:
        histogram.record_value(latency_us)
    one = altered(ROUND, started_at_s=start_s, window_s=1.5, **place)
    append_round(folder, one, histogram.encode().decode("ascii"))


def _read(path: Path) -> Iterator[HdrHistogram]:
    reader = HistogramLogReader(str(path), _histogram())
    try:
        while histogram := reader.get_next_interval_histogram():
            yield histogram
    finally:
        reader.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return histogram_path(tmp_path, scenario=ROUND.scenario, level=ROUND.level, arm=ROUND.arm)


def test_the_library_reads_rounds_that_were_appended_below_one_header(path: Path, tmp_path: Path) -> None:
    _append(tmp_path, START_S, 200, 450, 1999)
    _append(tmp_path, START_S + 20, LOWEST_US, HIGHEST_US)
    first, second = _read(path)
    assert (first.get_total_count(), first.get_min_value(), first.get_max_value()) == (3, 200, 1999)
    assert first.get_start_time_stamp() == START_S * 1000
    assert first.get_end_time_stamp() == (START_S + 1.5) * 1000
    assert (second.get_total_count(), second.get_min_value()) == (2, LOWEST_US)
    assert second.get_start_time_stamp() == (START_S + 20) * 1000
    assert second.get_max_value() == pytest.approx(HIGHEST_US, rel=10**-DIGITS)
    lines = path.read_text(encoding="ascii").splitlines()
    assert lines[0] == "#[Histogram log format version 1.2]"
    assert lines[2] == "#[StartTime: 1772444467.250 (seconds since epoch), 2026-03-02 09:41:07.250000+00:00]"
    assert lines[3].startswith('"StartTimestamp","Interval_Length","Interval_Max"')
    row, other = (line.split(",") for line in lines[4:])
    assert row[:3] == ["1772444467.250", "1.500", "1.999"]
    assert other[:2] == ["1772444487.250", "1.500"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a b|<c>", "خادم", "x" * 200, ".", "", "CON\n"])
def test_any_name_makes_a_file_in_the_folder(name: str, tmp_path: Path) -> None:
    path = histogram_path(tmp_path, scenario=name, level=400.5, arm=name)
    _append(tmp_path, START_S, 200, scenario=name, level=400.5, arm=name)
    assert [found.resolve() for found in (tmp_path / "histograms").iterdir()] == [path.resolve()]
    assert path.name.isascii()
    assert not set(path.name) & set(' |<>/\\\n"')


def test_no_two_arms_share_a_file_and_usual_names_stand_in_it_as_they_are() -> None:
    usual = histogram_path(Path(), scenario="delayed", level=64.0, arm="quart-hypercorn")
    assert usual == Path("histograms/delayed-64-quart-hypercorn.hlog")
    places = [
        *(("a b", 1, "c"), ("a|b", 1, "c"), ("x" * 100, 1, "c"), ("x" * 101, 1, "c")),
        *(("a-1", 1, "b"), ("a", 1, "1-b"), ("a", 1, "c"), ("a", 1.5, "c")),
    ]
    paths = {histogram_path(Path(), scenario=s, level=level, arm=arm) for s, level, arm in places}
    assert len(paths) == len(places)
