import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser

from portcompare.history.summaries import list_runs
from portcompare.history.trends import HISTORY_SCHEMA_VERSION, History, find_trends
from portcompare.history.views import render_runs, render_trend, write_index_page
from portcompare.report import DIFF_EXPORTERS
from tests.history.test_trends import make_trend
from tests.report.conftest import printed
from tests.report.test_browser import Opened
from tests.report.test_checks import KEPT, UNKNOWN
from tests.report.test_diff import DIFF, NEW
from tests.report.test_html import Page, assert_passive
from tests.runs import HOSTILE, make_run, store

FOLDER = '<script>alert(2)<_script>\u202e "quoted" #1?'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    for number in range(8):
        slower = 1.0 if number < 4 else 1.5
        run = make_run(number, blocks=2, slower=slower, candidate=HOSTILE[1], scenario=HOSTILE[0])
        gates = (KEPT, UNKNOWN) if number == 7 else ()
        store(replace(run, name=HOSTILE[0], gates=gates), runs / f"{number} {FOLDER}")
    (runs / f"7 {FOLDER}" / "report.html").touch()
    (runs / "broken").mkdir()
    (runs / "broken" / "results.json").write_text("<script>")
    return runs


@pytest.fixture(scope="module")
def history(folder: Path) -> History:
    summaries = list_runs(folder, pytest.fail)
    trends = find_trends(folder, summaries, ["throughput", "p50"])
    return History(schema_version=HISTORY_SCHEMA_VERSION, runs=tuple(summaries), trends=trends)


@pytest.fixture(scope="module")
def page(history: History, folder: Path) -> Page:
    return Page(write_index_page(history, folder).read_text(encoding="utf-8"))


def test_the_page_is_passive_and_links_only_to_reports_that_are_there(page: Page) -> None:
    assert_passive(page)
    inside, also_inside, link = page.attributes("a")
    assert (inside["href"], also_inside["href"]) == ("#runs", "#trends")
    assert unquote(link["href"] or "") == f"7 {FOLDER}/report.html"
    assert re.fullmatch(r"[\w%.-]+/report\.html", link["href"] or "")


def test_names_broken_runs_and_missed_gates_are_shown_as_text_in_the_page(page: Page) -> None:
    assert HOSTILE[0] in page.text
    assert "x" * 180 in page.text
    assert "\\u202e" in page.text
    assert "\u202e" not in page.text
    assert "9 runs" in page.text
    (broken,) = [row for row in page.rows if row.startswith("broken")]
    assert "is not JSON" in broken
    (gated,) = [row for row in page.rows if row.startswith("7 ") and "valid" in row]
    assert "1 of 2 gates missed" in gated


def test_each_level_and_metric_has_a_chart_in_which_the_change_is_marked(page: Page) -> None:
    assert len(page.attributes("svg")) == 4
    assert page.source.count("stroke-dasharray") >= 2
    changed = [row for row in page.rows if row.endswith(" here")]
    assert changed
    assert all(row.startswith("4 ") for row in changed)
    assert page.text.index("Throughput, 1 user") < page.text.index("Response time p50, 1 user")


def test_without_two_runs_there_is_no_trend_to_draw(history: History, folder: Path) -> None:
    single = replace(history, runs=history.runs[:1], trends=())
    page = Page(write_index_page(single, folder).read_text(encoding="utf-8"))
    assert "1 run" in page.text
    assert "A trend needs two valid and complete runs" in page.text


def test_the_terminal_lists_runs_within_80_columns(history: History) -> None:
    text = printed(render_runs(history.runs), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "\u202e" not in text
    assert "broken" in text
    assert "1 of 2 gates missed" in text


def test_trends_are_drawn_with_the_change_marked_within_80_columns(history: History) -> None:
    trend = next(one for one in history.trends if one.deployment == HOSTILE[1] and one.metric == "throughput")
    text = printed(render_trend(trend), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "\u202e" not in text
    assert text.count("o") >= 8
    before, after = text.split("changed here:")
    assert re.findall(r"^ +(\d) ", before, re.MULTILINE) == list("0123")
    assert re.findall(r"^ +(\d) ", after, re.MULTILINE) == list("4567")
    assert "Changed from" in text
    text = printed(render_trend(make_trend([5.0])), width=80)
    assert re.search(r"5.00/s\s+\[5.00/s, 5.00/s\]\s+o", text)


__all__ = ["folder", "history"]  # fixtures


@pytest.fixture(scope="module")
def pages(folder: Path, history: History) -> list[Path]:
    diff = folder / "diff.html"
    diff.write_text(DIFF_EXPORTERS["diff.html"](DIFF, NEW), encoding="utf-8")
    return [write_index_page(history, folder), diff]


@pytest.mark.parametrize("width", [1200, 400])
def test_pages_request_nothing_and_fit_their_window(chromium: Browser, pages: list[Path], width: int) -> None:
    for path in pages:
        opened = Opened(chromium, path, viewport={"width": width, "height": 800})
        assert (opened.requests, opened.complaints) == ([path.as_uri()], [])
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.page.evaluate("document.querySelectorAll('svg path').length") > 0
        opened.page.context.close()
