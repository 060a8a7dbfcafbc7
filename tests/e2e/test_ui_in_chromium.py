"""The web UI as people use it: form, tab, charts, CSV, a proper measurement and its report."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.e2e.conftest import begin, find_ui, write_plan
from tests.e2e.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

ARMS = ["flask-gunicorn", "quart-uvicorn"]
COLOURS = ["rgb(43, 49, 56)", "rgb(18, 128, 106)"]  # of the baseline and the first candidate, as in reports
LIMIT_MS = 90_000
BOTH = {"user_count": "4", "spawn_rate": "4", "scenario": "delayed", "deployments": ",".join(ARMS)}

GREEN = """() => {
  const canvas = document.querySelector("#sbs-chart-rate_rps canvas");
  if (!canvas) return null;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let drawn = 0;
  for (let place = 0; place < pixels.length; place += 4) {
    const [red, green, blue] = pixels.slice(place, place + 3);
    if (Math.abs(red - 18) + Math.abs(green - 128) + Math.abs(blue - 106) < 40) drawn += 1;
  }
  return drawn;
}"""
"""How much of the throughput chart has the colour of the candidate."""


class Ui:
    """The running UI, whose viewers come and go."""

    def __init__(self, url: str, browser: Browser) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=60)
        self.wrong: list[str] = []
        self._browser = browser

    def open(self, path: str = "", width: int = 1400, held: list[Route] | None = None) -> Page:
        """Open a page; `held`: where the request for the chart script is put instead of being sent."""
        page = self._browser.new_page(viewport={"width": width, "height": 1000})
        page.set_default_timeout(LIMIT_MS)
        page.on("console", lambda one: self.wrong.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        if held is not None:
            page.route("**/side-by-side/charts.js", lambda one: held.append(one))  # noqa: PLW0108 - it gets attributes
        page.goto(f"{self.url}{path}", wait_until="domcontentloaded")
        return page

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.client.get("/side-by-side.json").json()
        return state

    def start(self, **fields: str) -> None:
        """Start a test as another viewer does, and wait for its first second."""
        before = self.state()["test"]
        reply = self.client.post("/swarm", data=BOTH | fields).json()
        assert reply["success"], reply
        wait_until(lambda: self.state()["test"] != before and self.state()["length_s"] > 0)

    def stop(self) -> None:
        self.client.post("/stop")
        wait_until(lambda: self.state()["state"] in ("ready", "stopped"))


@pytest.fixture(scope="module")
def served(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    folder = tmp_path_factory.mktemp("ui")
    process = begin("ui", write_plan(folder / "loadtests"), "--port", "0", directory=folder)
    try:
        ui = Ui(find_ui(process), chromium)
        with ui.client:
            yield ui
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture
def ui(served: Ui) -> Iterator[Ui]:
    served.wrong.clear()
    yield served
    served.stop()
    assert served.wrong == []


def test_a_person_starts_a_test_sees_it_grow_and_downloads_its_end(ui: Ui) -> None:
    page = ui.open()
    fill_form(page, users="4")
    wait_until(lambda: "Users of each deployment: 8 in total." in note_below(page, "userCount"))
    page.click("button[type=submit]")
    page.wait_for_selector("[role=tab][aria-selected=true]:has-text('Side by side')")
    lefts = page.evaluate(
        "[...document.querySelectorAll('[role=tab]')].map((tab) => [tab.offsetLeft, tab.innerText])"
    )
    assert min(lefts)[1].lower() == "side by side"
    page.wait_for_function(f"() => ({GREEN})() > 0")
    line = page.get_by_role("button", name="quart-uvicorn (delayed)")
    line.click()
    page.wait_for_function(f"() => ({GREEN})() === 0")
    line.click()
    before = read_table(page)
    wait_until(lambda: min(now - before[arm] for arm, now in read_table(page).items()) > 0)
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector(".sbs-status strong:text('stopped')")
    # The last report of a worker may come after that it has stopped.
    wait_until(lambda: download(page) == read_table(page))
    page.close()


def download(page: Page) -> dict[str, int]:
    """The successful requests of each deployment in the CSV."""
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download CSV").click()
    with Path(downloading.value.path()).open(encoding="utf-8", newline="") as file:
        return {row["arm"]: int(row["requests"]) for row in csv.DictReader(file)}


def read_table(page: Page) -> dict[str, int]:
    counts = {arm: page.inner_text(f"tr[data-arm={arm}] .sbs-requests") for arm in ARMS}
    return {arm: int(text.replace(",", "")) for arm, text in counts.items()}


def fill_form(page: Page, users: str) -> None:
    """Fill the form of a new test, whose fields all lie open."""
    page.wait_for_selector("input[name=userCount], button:has-text('New')")
    if not page.locator("input[name=userCount]").count():
        page.get_by_role("button", name="New").click()
    page.fill("input[name=userCount]", users)
    page.fill("input[name=spawnRate]", users)
    page.select_option("select[name=scenario]", "delayed")
    page.select_option("select[name=deployments]", ARMS)


def note_below(page: Page, name: str) -> str:
    script = "(field) => getComputedStyle(field.closest('.MuiFormControl-root'), '::after').content"
    return str(page.eval_on_selector(f"input[name={name}]", script))


def test_every_viewer_edits_what_runs_and_what_is_not_changed_stays(ui: Ui) -> None:
    page = ui.open()
    ui.start(load="open", rate="30", delay="0.02", deployments=ARMS[1], user_count="6")
    first = ui.state()["settings"]
    # A page that was opened before learns of the test, and its form too.
    page.wait_for_function("() => window.templateArgs.num_users === 6")
    page.get_by_role("button", name="Edit").click()
    assert page.input_value("select[name=load]") == "open"
    assert page.input_value("input[name=rate]") == "30"
    assert page.input_value("input[name=delay]") == "0.02"
    chosen = "(select) => [...select.selectedOptions].map((option) => option.value)"
    assert page.eval_on_selector("select[name=deployments]", chosen) == [ARMS[1]]
    note = "(form) => getComputedStyle(form, '::before').content"
    assert "begins another one, with new" in page.eval_on_selector("form:has([name=deployments])", note)
    page.fill("input[name=userCount]", "9")
    page.get_by_role("button", name="Update").click()
    wait_until(lambda: ui.state()["settings"] == first | {"users": 9})
    for column in ("offered", "backlog"):
        page.wait_for_selector(f".sbs-table tbody .sbs-{column}")
    page.close()


def test_charts_are_announced_share_an_instant_follow_the_test_and_are_saved(ui: Ui) -> None:
    ui.start()
    scripts: list[Route] = []
    page = ui.open("/side-by-side", held=scripts)
    page.wait_for_selector("#sbs-chart-rate_rps:has-text('loading the chart')")
    scripts[0].continue_()
    for arm, colour in zip(ARMS, COLOURS, strict=True):
        swatch = page.locator(f"tr[data-arm={arm}] .sbs-swatch")
        assert swatch.evaluate("(one) => getComputedStyle(one).backgroundColor") == colour
    for chart in ("rate_rps", "p50_ms", "p95_ms", "p99_ms", "users"):
        page.wait_for_selector(f"#sbs-chart-{chart} canvas")
    page.hover("#sbs-chart-p50_ms canvas")
    instants = "[...document.querySelectorAll('.sbs-read')].map((one) => one.innerText.slice(0, 8))"
    wait_until(lambda: "" not in (shown := page.evaluate(instants)) and len(set(shown)) == 1)
    page.get_by_label("Save the chart: users").click()
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save as PNG").click()
    assert saving.value.suggested_filename == "side-by-side-users.png"
    page.wait_for_function(f"() => ({GREEN})() > 0")
    ui.start(deployments=ARMS[0])
    page.wait_for_function(f"() => ({GREEN})() === 0")  # of the test before
    earlier = page.locator(".sbs-legend button", has_text=ARMS[1])
    assert earlier.count() == 0
    page.get_by_label("show earlier tests").check()
    page.wait_for_function(f"() => ({GREEN})() > 0")
    assert earlier.count() == 1
    page.close()


def test_on_a_narrow_page_both_tabs_are_in_reach_and_the_table_scrolls_by_keyboard(ui: Ui) -> None:
    ui.start()
    page = ui.open(width=400)
    page.wait_for_selector(".sbs-table tbody tr")
    for name in ("Side by side", "Load-test reports"):
        box = page.get_by_role("tab", name=name).bounding_box()
        assert box is not None
        assert 0 <= box["x"] < box["x"] + box["width"] <= 400
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.is_visible(".sbs-hint")
    region = page.get_by_role("region", name="Figures of each deployment")
    region.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.sbs-scroll').scrollLeft > 0")
    page.wait_for_selector(f".sbs-reasons li:has-text('Bound of {ARMS[0]}: ')")
    page.close()


def test_a_proper_measurement_is_alone_can_be_cancelled_and_has_a_report(ui: Ui) -> None:
    ui.start()
    ui.stop()
    page, other = ui.open(), ui.open()
    fill_form(other, users="4")
    page.select_option(".sbs-actions select", "600")
    page.get_by_role("button", name="Measure properly").click()
    page.wait_for_selector(".sbs-run:has-text('at most 10 min left'), .sbs-run:has-text('at most 9')")
    other.get_by_role("button", name="Start").click()
    other.wait_for_selector("[role=alert]:has-text('A run measures on this machine')")
    other.close()
    page.wait_for_selector(".sbs-run progress")
    page.get_by_role("button", name="Cancel the run").click()
    page.wait_for_selector(".sbs-run:has-text('The run was cancelled')")
    assert (ui.state()["run"]["state"], ui.state()["is_measuring"]) == ("cancelled", False)
    page.get_by_role("button", name="Measure properly").click()
    with page.expect_popup(timeout=4 * LIMIT_MS) as opening:
        page.get_by_role("link", name="Open the report").click(timeout=4 * LIMIT_MS)
    opening.value.wait_for_load_state()
    assert "delayed" in opening.value.inner_text("body")
    page.get_by_role("tab", name="Load-test reports").click()
    page.wait_for_selector(".sbs-reports tbody tr")
    page.close()
