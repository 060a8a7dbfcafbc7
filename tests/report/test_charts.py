import math
import re
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from portcompare import units
from portcompare.records.metrics import round_metrics
from portcompare.records.results import Results
from portcompare.report.charts import draw_charts, main_charts
from portcompare.report.charts import render as render_files
from portcompare.report.charts.bars import time_chart, waterfalls
from portcompare.report.charts.courses import spectrum_chart, timeline_chart
from portcompare.report.charts.load import load_chart
from portcompare.report.charts.ratios import ratio_plots
from portcompare.report.charts.svg import Figure, stand_alone
from portcompare.report.formats import documents
from portcompare.report.wording import TONES
from tests.altered import altered, known
from tests.report.conftest import make_results
from tests.report.test_pages import PAGES
from tests.report.test_sweeps import KNEE, with_sweeps

POINTS = re.compile(r'<g class="mark-symbol role-mark [^>/]*>(.*?)</g>')
RULES = re.compile(r'<line [^>]*stroke="var\(--(?:better|worse|same|unsure)\)" stroke-width="2"')


def _points(figure: Figure) -> list[str]:
    return [point for group in POINTS.findall(figure.svg) for point in re.findall("<path [^>]*>", group)]


def _parts(figure: Figure) -> dict[str, int]:
    """How often each part of the time is drawn."""
    return Counter(re.findall('data-tip="[^,"]*, ([^:"]*):', figure.svg))


@pytest.mark.parametrize("scenario", ["fast", "delayed"])
def test_each_comparison_with_a_ratio_is_a_point_and_an_interval_in_the_colour_of_its_verdict(
    scenario: str, results: Results
) -> None:
    for metric, figure in zip(round_metrics(), ratio_plots(results, scenario), strict=True):
        drawn = [
            c
            for c in results.comparisons
            if (c.scenario, c.metric) == (scenario, metric) and c.ratio.point is not None
        ]
        points = _points(figure)
        assert len(points) == len(drawn)
        assert len(RULES.findall(figure.svg)) == len(drawn)
        for tone in TONES.values():
            expected = sum(TONES[c.ratio.verdict or "invalid"] == tone for c in drawn)
            assert sum(f"var(--{tone})" in point for point in points) == expected


def test_points_and_lines_stand_where_ratio_and_interval_are_beside_them_in_words(results: Results) -> None:
    (throughput, *_) = ratio_plots(results, "delayed")
    points = [float(x) for point in _points(throughput) for x in re.findall(r"translate\(([\d.]+)", point)]
    lines = re.findall(
        r'<line transform="translate\(([\d.]+)[^>]* x2="([\d.]+)"[^>]*width="2"', throughput.svg
    )
    ends = [(float(start), float(start) + float(length)) for start, length in lines]
    drawn = [c for c in results.comparisons if (c.scenario, c.metric) == ("delayed", "throughput")]
    first, last = drawn[0], drawn[-1]
    per_unit = (points[-1] - points[0]) / math.log(known(last.ratio)[0] / known(first.ratio)[0])
    for c, x, (left, right), row in zip(drawn, points, ends, throughput.rows, strict=True):
        point, low, high = known(c.ratio)
        assert x - left == pytest.approx(per_unit * math.log(point / low), abs=0.1)
        assert right - x == pytest.approx(per_unit * math.log(high / point), abs=0.1)
        assert f">{units.ratio(point)} {c.ratio.verdict}</text>" in throughput.svg
        assert row[1:3] == (c.candidate, units.ratio(point))


def test_what_cannot_be_told_or_drawn_to_a_log_scale_has_a_row_without_a_mark(results: Results) -> None:
    (first, *rest) = [c for c in results.comparisons if c.scenario == "fast" and c.metric == "throughput"]
    broken = altered(first, point=0.0, low=0.0, high=0.1, verdict="slower")
    (figure,) = ratio_plots(replace(results, comparisons=(broken, *rest)), "fast")
    assert len(_points(figure)) == len([c for c in rest if c.ratio.point is not None])
    assert ">no result<" in figure.svg
    assert "NaN" not in figure.svg
    assert ">not known, invalid</text>" in figure.svg
    assert ("32 users", "quart-uvicorn", "not known", "not known", "invalid") in figure.rows


def test_each_metric_has_a_title_and_the_band_of_its_own_margin(results: Results) -> None:
    rounds = results.plan["rounds"] | {"margin": {"throughput": 0.05, "p50": 0.2}}
    throughput, median, tail, *_ = ratio_plots(
        replace(results, plan=results.plan | {"rounds": rounds}), "fast"
    )
    assert (throughput.title, median.title) == ("Throughput", "Response time p50")
    assert throughput.subtitle == "candidate divided by baseline; more is better"
    assert median.subtitle == "candidate divided by baseline; less is better"
    assert "the margin of 5%" in throughput.description
    assert "the margin of 20%" in median.description
    assert median.svg.count("var(--band)") == 2
    assert "the margin of 10%" in tail.description


def test_a_spectrum_has_a_line_and_named_points_for_each_arm_that_was_answered(results: Results) -> None:
    (figure,) = spectrum_chart(results, "fast")
    answered = [s for s in results.summaries if s.scenario == "fast" and s.latency_s]
    assert len(figure.rows) == len(answered) == 7
    assert len(_points(figure)) == 5 * len(answered)
    assert figure.svg.count('class="mark-line role-mark') == len(answered)
    assert [name for name, _ in figure.arms] == ["baseline", "control", "quart-hypercorn", "quart-uvicorn"]
    assert figure.rows[4][:3] == ("32 users", "baseline", "12,000")
    assert not list(spectrum_chart(replace(results, spectra=()), "fast"))


def test_load_curves_draw_the_bound_and_mark_the_knees_that_were_reached(results: Results) -> None:
    (plain,) = load_chart(results, "delayed")
    assert plain.svg.count('stroke-dasharray="1,3"') == 4
    assert "Ring" not in plain.note
    for is_reached in (True, False):
        swept = with_sweeps(results, knees=(replace(KNEE, is_reached=is_reached),))
        (figure,) = load_chart(swept, "delayed")
        assert ("knee at 8.02" in figure.svg) == is_reached
    one_level = tuple(one for one in results.summaries if one.level == 64)
    assert not list(load_chart(replace(results, summaries=one_level), "delayed"))


def test_the_time_is_split_only_where_the_server_tells_it(results: Results) -> None:
    (figure,) = time_chart(results, "delayed")
    parts = _parts(figure)
    assert (parts["in the handler"], parts["not known apart"]) == (6, 2)
    assert not figure.wide
    assert float(re.findall(r'width="(\d+)"', figure.svg)[0]) < 560  # two stand side by side on the page
    assert not list(time_chart(replace(results, summaries=()), "delayed"))


def test_waiting_in_line_is_drawn_where_it_is_known(results: Results) -> None:
    summaries = tuple(
        replace(one, outside_handler_s=0.004, queue_s=0.003) if one.outside_handler_s else one
        for one in results.summaries
    )
    (figure,) = time_chart(replace(results, summaries=summaries), "delayed")
    parts = {"in the handler": 6, "server and network": 6, "in line": 6, "not known apart": 2}
    assert _parts(figure) == parts


def test_a_time_line_has_a_line_for_each_round_and_marks_discarded_and_unsteady_ones(
    results: Results,
) -> None:
    first, second, *others = results.rounds
    rounds = (altered(first, steady=False), second, *others)
    drift = "drift: the machine changed"
    (figure,) = timeline_chart(replace(results, rounds=rounds, warnings=(drift,)), "fast")
    assert "not yet steady" in figure.svg
    assert "discarded: the load generator was the limit" in figure.svg
    assert "Drift: the machine changed." in figure.note
    assert len(figure.rows) == len([one for one in rounds if one.scenario == "fast"])
    assert not list(timeline_chart(replace(results, rounds=()), "fast"))


def test_charts_as_files_stand_alone_with_all_that_explains_them_and_the_main_ones_are_pictures_too(
    hostile: Results,
) -> None:
    files = render_files(hostile)
    names = [name for name, _ in draw_charts(hostile).named()]
    assert len(names) == len(set(names))
    assert {name for name in files if name.endswith(".svg")} == {f"{name}.svg" for name in names}
    pictures = {name.removesuffix(".png") for name in files if name.endswith(".png")}
    assert pictures == main_charts(hostile).keys()
    assert all(content.startswith(b"\x89PNG") for name, content in files.items() if name.endswith(".png"))
    assert all(re.fullmatch(r"[\w.-]+", name) for name in files)
    for name, figure in draw_charts(hostile).named():
        root = ET.fromstring(files[f"{name}.svg"])  # noqa: S314 - made here
        texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
        assert texts[0].startswith(figure.title)
        assert texts[1] == figure.subtitle
        assert [name for name, _ in figure.arms] == texts[2 : 2 + len(figure.arms)]
        assert not [value for element in root.iter() for value in element.attrib.values() if "var(" in value]
        assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_names_cannot_leave_their_texts(hostile: Results) -> None:
    for _, figure in draw_charts(hostile).named():
        assert "<script" not in figure.svg
        assert "&lt;script&gt;alert(1)" in figure.svg
        tags = re.findall("<[^>]+>", figure.svg)
        assert not [tag for tag in tags if re.search(r"\s(id|style|xmlns|on\w+)=", tag)]


def test_a_page_has_one_waterfall_of_all_conditions_and_arms(results: Results) -> None:
    (figure,) = waterfalls(replace(results, pages=PAGES))
    assert figure.title == "slow"
    for text in ("cold, 64 users meanwhile", "warm, idle", "server, around handlers"):
        assert text in figure.svg
    assert ("cold, 64 users meanwhile", "baseline", "connect", "network", "0 us", "10.0 ms") in figure.rows


def test_a_chart_is_drawn_to_the_same_bytes_each_time(results: Results) -> None:
    first, second = (next(spectrum_chart(results, "fast")) for _ in range(2))
    assert stand_alone(first) == stand_alone(second)


def test_two_hundred_rounds_stay_small_enough_for_mail() -> None:
    results = make_results(blocks=13)
    assert len(results.rounds) > 200
    assert len(documents.render_html(results).encode()) < 3_000_000
