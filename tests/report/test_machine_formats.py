"""The formats that programs read: CSV, JUnit, OpenMetrics and percentile files."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from portcompare.records.parity import Parity
from portcompare.records.results import Results
from portcompare.report.formats import data, junit
from portcompare.report.formats.data import append_round, histogram_path
from portcompare.report.formats.junit import render_junit
from portcompare.report.wording import visible
from tests.altered import altered
from tests.analyse.samples import ROUND
from tests.report.conftest import HOSTILE_CANDIDATES, HOSTILE_SCENARIOS, unmeasured
from tests.report.test_parity import DIFFERENCE

NAMES = {visible(name) for name in (*HOSTILE_CANDIDATES, "baseline", "control")}


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def _parse(text: str) -> Iterable[Any]:
    return text_string_to_metric_families(text)  # type: ignore[no-any-return,no-untyped-call]


def _samples(results: Results, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """The values of a metric by those of its labels."""
    families = {family.name: family for family in _parse(data.render_openmetrics(results))}
    return {tuple(one.labels[label] for label in labels): one.value for one in families[name].samples}


def test_every_round_and_every_comparison_is_a_row_of_csv_with_the_figures_of_the_record(
    results: Results,
) -> None:
    rows = _rows(data.render_rounds(results))
    for one, row in zip(results.rounds, rows, strict=True):
        assert float(row["rate_rps"]) == one.load.rate_rps
        assert row["p50_s"] == ("" if one.load.latency_s is None else str(one.load.latency_s.p50))
        assert (row["discarded"] == "") == (one.discarded is None)
        assert row["handler_s"] == ("" if one.load.handler_s is None else str(one.load.handler_s))
    rows = _rows(data.render_comparisons(results))
    for comparison, row in zip(results.comparisons, rows, strict=True):
        assert row["ratio"] == ("" if comparison.ratio.point is None else str(comparison.ratio.point))
        found = (row["candidate"], row["metric"], row["verdict"])
        assert found == (comparison.candidate, comparison.metric, comparison.ratio.verdict)


def test_hostile_names_come_out_of_csv_and_labels_as_they_are_shown(hostile: Results) -> None:
    assert {row["arm"] for row in _rows(data.render_rounds(hostile))} == NAMES
    assert {row["scenario"] for row in _rows(data.render_comparisons(hostile))} == set(HOSTILE_SCENARIOS)
    assert {arm for (arm,) in _samples(hostile, "portcompare_requests_measured", "arm")} == NAMES
    assert data.render_openmetrics(hostile).endswith("# EOF\n")


def test_junit_fails_where_the_command_does_and_skips_what_cannot_be_told(
    results: Results, hostile: Results
) -> None:
    for run, failing in ((results, 0), (hostile, 2)):
        root = ET.fromstring(junit.render(run).partition("\n")[2])  # noqa: S314 - made here
        assert len(root.findall(".//failure")) == failing
        undecided = [one for one in run.comparisons if one.ratio.verdict in {"inconclusive", "invalid"}]
        assert len(root.findall(".//skipped")) == len(undecided)
        assert len(root.findall(".//testcase")) == 2 + len(run.comparisons)
        scenarios = dict.fromkeys(c.scenario for c in run.comparisons)
        assert [suite.get("name") for suite in root][1:] == list(scenarios)


def test_junit_of_a_run_whose_responses_were_not_compared_does_not_say_that_they_are_alike(
    results: Results,
) -> None:
    assert results.parity is not None
    parity = replace(results.parity, verdict="not compared", differences=())
    for run in (replace(results, parity=parity), unmeasured(results)):
        root = ET.fromstring(junit.render(run).partition("\n")[2])  # noqa: S314 - made here
        (test,) = root.iterfind(".//testcase[@name='the responses are alike']")
        assert test.find("skipped") is not None
    assert (root[0].get("failures"), root[0].get("skipped")) == ("1", "1")  # it broke off


def test_metrics_are_openmetrics_with_a_sample_for_what_is_known(results: Results) -> None:
    rates = _samples(results, "portcompare_rate_rps", "scenario", "level", "arm", "deployment")
    for one in results.summaries:
        key = (one.scenario, f"{one.level:g}", one.arm, one.deployment)
        assert rates.get(key) == one.rate_rps
    ratios = _samples(results, "portcompare_ratio", "scenario", "level", "candidate", "metric")
    for c in results.comparisons:
        assert ratios.get((c.scenario, f"{c.level:g}", c.candidate, c.metric)) == c.ratio.point
    assert _samples(results, "portcompare_valid") == {(): 1.0}
    places = ("scenario", "level", "arm", "percentile")
    answered = [one for one in results.summaries if one.latency_s]
    assert len(_samples(results, "portcompare_latency_seconds", *places)) == 5 * len(answered)


def test_percentile_files_have_the_four_columns_that_the_plotter_reads(hostile: Results) -> None:
    files = data.render_spectra(hostile)
    assert len(files) == len(hostile.spectra)
    for spectrum, (name, content) in zip(hostile.spectra, files.items(), strict=True):
        assert re.fullmatch(r"\w[\w.-]+\.hgrm", name)
        header, *lines = content.decode().splitlines()
        assert header.split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
        rows = [list(map(float, line.split())) for line in lines if line and not line.startswith("#")]
        assert {len(row) for row in rows} == {4}
        for point, (value_ms, quantile, rank, beyond) in zip(spectrum.points, rows, strict=True):
            assert value_ms == pytest.approx(point.latency_s * 1e3, abs=0.001)
            assert quantile == pytest.approx(point.quantile)
            assert rank == point.rank
            assert beyond == pytest.approx(1 / (1 - quantile), rel=0.01)


STATUS = replace(
    DIFFERENCE,
    kind="status",
    pointer="",
    baseline="200",
    candidate="500 \x1b[31m<red>",
    curl_baseline="curl 1",
)
HEADER = replace(STATUS, kind="header", pointer="ETag", severity="changes", from_order=True)
PARITY = Parity(
    verdict="different", cases=2, deployments=("control", "new"), differences=(STATUS, HEADER), seeds=("7",)
)
CASES = ("GET /a", "GET /b")


def suites(parity: Parity) -> dict[str, ET.Element]:
    root = ET.fromstring(render_junit(parity, CASES))  # noqa: S314 - our own
    assert root.tag == "testsuites"
    return {suite.attrib["name"]: suite for suite in root}


def test_each_deployment_is_a_suite_with_its_counts_and_seeds_and_each_case_a_test() -> None:
    found = suites(PARITY)
    counts = {
        name: [suite.attrib[key] for key in ("tests", "failures", "errors", "skipped")]
        for name, suite in found.items()
    }
    assert counts == {"control": ["2", "0", "0", "0"], "new": ["2", "1", "0", "0"]}
    properties = [(each.attrib["name"], each.attrib["value"]) for each in found["new"].iter("property")]
    coverage = "2 cases: compared in full 0, in part 0, not at all 0"
    assert sorted(properties) == [("coverage", coverage), ("seed", "7")]
    for name, suite in found.items():
        tests = [(test.attrib["classname"], test.attrib["name"]) for test in suite.iter("testcase")]
        assert tests == [(name, "GET /a"), (name, "GET /b")]


def test_a_failure_tells_all_that_differs_with_command_lines() -> None:
    [failure] = suites(PARITY)["new"].iter("failure")

    message = "2 differences from the baseline, the gravest breaks"
    assert failure.attrib == {"message": message, "type": "breaks"}
    sides = ["baseline:  200", r"candidate: 500 \x1b[31m<red>"]
    curl = ["curl 1", "curl http://127.0.0.1:2/a"]
    order = "comes from earlier requests: sent alone to fresh servers, the case does not show it"
    assert (failure.text or "").splitlines() == [
        *("breaks: status", *sides, *curl),
        *("", "changes: header ETag", *sides, order, *curl),
    ]


def test_what_is_allowed_does_not_fail_and_a_baseline_that_does_not_answer_has_a_suite_of_its_own() -> None:
    differences = (replace(STATUS, allowed="meant to be"), replace(STATUS, deployment="baseline"))
    found = suites(replace(PARITY, differences=differences))
    assert list(found["new"].iter("failure")) == []
    [output] = found["new"].iter("system-out")
    assert "allowed: meant to be" in (output.text or "")
    assert found["baseline"].attrib["failures"] == "1"


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
