"""The web UI as a person uses it: form, tab, charts, CSV, a proper measurement and its report."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.conftest import Start, find_ui

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARMS = ["flask-gunicorn", "quart-uvicorn"]
LIMIT_MS = 90_000

INK = """() => {
  const canvas = document.querySelector("#sbs-chart-rate_rps canvas");
  if (!canvas) return null;
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const drawn = { blue: 0, orange: 0 };
  for (let place = 0; place < pixels.length; place += 4) {
    const [red, green, blue, alpha] = pixels.slice(place, place + 4);
    if (alpha < 200) continue;
    if (red < 40 && green < 140 && blue > 150) drawn.blue += 1;
    if (red > 200 && green > 130 && green < 190 && blue < 40) drawn.orange += 1;
  }
  return drawn;
}"""
"""How much of the throughput chart has the colour of the first arm, and of the second."""


SHOWS_THE_END = """async () => {
  const state = await (await fetch("./side-by-side.json")).json();
  const cells = [...document.querySelectorAll(".sbs-table tbody .sbs-requests")];
  const shown = cells.map((cell) => cell.innerText);
  return shown.join() === state.rows.map((row) => row.text.requests).join();
}"""
"""Whether the table is that of the end; it comes with the next response."""


def test_a_person_compares_two_arms(chromium: Browser, start: Start, plan: Path) -> None:
    url = find_ui(start("ui", plan, "--port", "0"))
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(LIMIT_MS)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))

    page.goto(url)
    page.fill("input[name=userCount]", "8")
    page.fill("input[name=spawnRate]", "8")
    page.select_option("select[name=scenario]", "delayed")
    page.select_option("select[name=arms]", ARMS)
    page.click("button[type=submit]")
    page.get_by_role("tab", name="Side by side").click()

    _see_lines_grow(page)
    page.get_by_role("button", name="quart-uvicorn (delayed)").click()
    page.wait_for_function(f"() => ({INK})().orange === 0 && ({INK})().blue > 0")
    page.get_by_role("button", name="quart-uvicorn (delayed)").click()

    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector(".sbs-status strong:text('stopped')")
    page.wait_for_function(SHOWS_THE_END)
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download CSV").click()
    with Path(downloading.value.path()).open(encoding="utf-8", newline="") as file:
        table = {row["arm"]: row for row in csv.DictReader(file)}
    for arm in ARMS:
        shown = page.inner_text(f"tr[data-arm={arm}] .sbs-requests").replace(",", "")
        assert int(shown) == int(table[arm]["requests"]) > 0

    page.get_by_role("button", name="Measure properly").click()
    page.wait_for_selector(".sbs-run:has-text('Measuring')")
    with page.expect_popup(timeout=4 * LIMIT_MS) as opening:
        page.get_by_role("link", name="Open the report").click(timeout=4 * LIMIT_MS)
    report = opening.value
    report.wait_for_load_state()
    assert "delayed" in report.inner_text("body")

    page.get_by_role("tab", name="Load-test reports").click()
    page.wait_for_selector(".sbs-reports tbody tr")
    page.goto(f"{url}/side-by-side")
    page.wait_for_selector(".sbs-table tbody tr")
    assert wrong == []
    page.close()


def _see_lines_grow(page: Page) -> None:
    """Wait until both lines are drawn, and then until there is more of both data than there was."""
    page.wait_for_function(
        f"() => {{ const ink = ({INK})(); return ink && ink.blue > 0 && ink.orange > 0; }}"
    )
    before = {arm: page.inner_text(f"tr[data-arm={arm}] .sbs-requests") for arm in ARMS}
    for arm, text in before.items():
        page.wait_for_function(
            "([arm, text]) => document.querySelector(`tr[data-arm=${arm}] .sbs-requests`).innerText !== text",
            arg=[arm, text],
        )
