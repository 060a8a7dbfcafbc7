"""The web page in a real browser: judged by its structure and never by its pixels."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe

from portcompare.report.formats import documents
from tests.report.test_sweeps import GRID, KNEE, with_sweeps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from portcompare.records.results import Results

Scheme = Literal["light", "dark"]

CHARTS = "figure svg[role=img]"
MARKS = ".mark-symbol path, .mark-line path, .mark-rect path, .mark-text text"
HIDDEN = 'figure svg [data-arm="{arm}"].off'


# What is wider than its place and does not say so.
CUT_OFF = """() => [...document.querySelectorAll(".scroll")]
    .filter(each => each.scrollWidth > each.clientWidth + 1)
    .filter(each => !each.previousElementSibling?.matches(".more")).map(each => each.ariaLabel)"""

OVERLAPPING_TICKS = """() => [...document.querySelectorAll("g.role-axis-label")].flatMap(axis => {
    const shown = [...axis.querySelectorAll("text")].filter(text => text.getAttribute("opacity") !== "0");
    const boxes = shown.map(text => text.getBoundingClientRect()).filter(box => box.width);
    return boxes.flatMap((box, place) => boxes.slice(place + 1).filter(other => box.left < other.right
        && other.left < box.right && box.top < other.bottom && other.top < box.bottom));
})"""


def unfold(page: Page) -> None:
    """Open all that is folded, and let the page say what is wider than its place."""
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


class Opened:
    """A page, and what it complained of and asked for."""

    def __init__(self, browser: Browser, path: Path, **context: Any) -> None:  # noqa: ANN401 - Playwright's
        self.page: Page = browser.new_context(**context).new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())


@pytest.fixture(scope="module")
def path(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(documents.render_html(results), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def hostile_path(hostile: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "hostile.html"
    grid = replace(GRID, candidate="<script>alert(1)</script>")
    run = with_sweeps(hostile, break_even=(grid,), knees=(KNEE,))
    path.write_text(documents.render_html(run), encoding="utf-8")
    return path


@pytest.fixture
def opened(chromium: Browser, path: Path) -> Iterator[Opened]:
    opened = Opened(chromium, path)
    yield opened
    opened.page.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 400)])
@pytest.mark.parametrize("which", ["path", "hostile_path"])
def test_it_opens_without_complaint_or_request_and_fits(
    chromium: Browser, which: str, scheme: Scheme, width: int, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(which)
    opened = Opened(chromium, path, color_scheme=scheme, viewport={"width": width, "height": 800})
    assert opened.complaints == []
    assert opened.requests == [path.as_uri()]
    unfold(opened.page)
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width
    assert opened.page.evaluate(CUT_OFF) == []
    assert opened.page.evaluate(OVERLAPPING_TICKS) == []
    for chart in opened.page.query_selector_all(CHARTS):
        assert chart.query_selector_all(MARKS)
        box = chart.bounding_box()
        assert box
        assert box["height"] > 0
    opened.page.context.close()


def test_the_page_begins_with_the_answer_in_plain_words_and_is_short_while_folded(
    chromium: Browser, path: Path, results: Results
) -> None:
    opened = Opened(chromium, path, viewport={"width": 1400, "height": 900})
    page = opened.page
    assert page.evaluate("document.documentElement.scrollHeight") <= 6000
    assert page.inner_text(".headline") == results.headline
    first = page.inner_text("header") + page.inner_text("section:has(#conclusions)")
    assert not re.findall(r"\b(?:Holm|blocks?|slots?|Student|degrees of freedom)\b", first)
    assert "Responses: 14 of 14 cases alike, 2 of them in part (200 x 13, 304 x 1)" in first
    page.goto(f"{path.as_uri()}#method")
    assert page.is_visible("section:has(#method) dl")
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(chromium: Browser, path: Path, scheme: Scheme) -> None:
    opened = Opened(chromium, path, color_scheme=scheme)
    found = Axe().run(opened.page).response["violations"]
    assert [
        (each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in {"serious", "critical"}
    ] == []
    opened.page.context.close()


def test_every_chart_shows_a_value_at_the_pointer(opened: Opened) -> None:
    page = opened.page
    unfold(page)
    charts = page.query_selector_all(CHARTS)
    assert len(charts) == 2 * (5 + 5)
    for chart in charts:
        mark = chart.query_selector("[data-tip]")
        assert mark
        mark.scroll_into_view_if_needed()
        box = mark.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert page.inner_text(".tip")
    page.mouse.move(1, 1)
    page.wait_for_selector(".tip", state="hidden")


def test_an_arm_is_hidden_and_shown_in_every_chart_by_keyboard(opened: Opened) -> None:
    page = opened.page
    button = page.locator('.legend button[data-arm="arm-0"]').first
    hidden = HIDDEN.format(arm="arm-0")
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "false"
    assert page.locator(hidden).count() == page.locator(hidden.removesuffix(".off")).count() > 0
    assert page.locator(HIDDEN.format(arm="baseline")).count() == 0
    page.keyboard.press("Space")
    assert page.locator(hidden).count() == 0


def test_on_paper_everything_fits_and_nothing_is_left_to_press(chromium: Browser, path: Path) -> None:
    opened = Opened(chromium, path, viewport={"width": 794, "height": 1123})
    opened.page.emulate_media(media="print")
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 794
    assert not opened.page.is_visible("nav")
    widths = opened.page.eval_on_selector_all(CHARTS, "all => all.map(e => e.getBoundingClientRect().right)")
    assert max(widths) <= 794
    opened.page.context.close()


def test_without_script_it_has_the_same_charts_legends_and_data(chromium: Browser, path: Path) -> None:
    opened = Opened(chromium, path, java_script_enabled=False)
    assert len(opened.page.query_selector_all(CHARTS)) == 2 * (5 + 5)
    assert opened.page.query_selector_all(".legend li")
    assert not opened.page.query_selector_all(".legend button")
    assert len(opened.page.query_selector_all("figure table")) == 2 * (5 + 5)
    opened.page.context.close()


def test_files_inside_the_page_can_be_saved(opened: Opened, results: Results) -> None:
    unfold(opened.page)
    with opened.page.expect_download() as download:
        opened.page.click('a[download="rounds.csv"]')
    text = download.value.path().read_text(encoding="utf-8")
    assert len(text.splitlines()) == 1 + len(results.rounds)
