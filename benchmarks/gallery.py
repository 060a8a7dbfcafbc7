"""Take the pictures of the docs from real reports and the web UI: `python -m benchmarks.gallery FOLDER`.

FOLDER holds one run a plan, named as the plan; those it does not hold yet are made there first, one after the
other. Needs Chromium and the extra `browser`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.common import run_plan
from portcompare.browser import launch_chromium
from portcompare.report import write_reports

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"

PICTURES: dict[str, dict[str, str]] = {
    "plan": {
        "report": "body",
        "ratios": "section[aria-labelledby=ratios] .figures",
        "latency": "section[aria-labelledby=latency] .figures",
        "time": "section[aria-labelledby=time] .figures",
        "cost": "section[aria-labelledby=cost] .figures figure",
        "timeline": "section[aria-labelledby=timeline] .figures figure",
    },
    "break-even": {"break-even": "section[aria-labelledby=break_even] .figures"},
}
"""For each plan, the pictures by name and what of the page they show."""

WIDTH, LONGEST = 1280, 1620

LIVE, LIVE_USERS, LIVE_S, LIVE_LIMIT_MS = "side-by-side", 32, 30, 120_000
LIVE_COUNTED = "async () => (await (await fetch('./side-by-side.json')).json()).length_s"
"""How long the live view has counted."""


def main() -> None:
    """Make what is missing, and take the pictures."""
    folder = Path(sys.argv[1])
    runs = {plan: run_plan(ROOT / "loadtests" / f"{plan}.toml", folder / plan) for plan in PICTURES}
    with launch_chromium() as browser:
        for plan, pictures in PICTURES.items():
            write_reports(runs[plan], folder / plan)
            take(browser, folder / plan / "report.html", pictures)
        take_live(browser)


def take(browser: Browser, page_path: Path, pictures: dict[str, str]) -> None:
    """Take pictures of parts of a page, each cut where it would be too long."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
    page.goto(page_path.resolve().as_uri())
    for name, selector in pictures.items():
        part = page.locator(selector).first
        if not part.count():
            print(f"{page_path} has nothing for {name}")
            continue
        part.evaluate("each => each.closest('details.part')?.setAttribute('open', '')")
        box = part.bounding_box()
        if box is not None:
            box["height"] = min(box["height"], LONGEST)
            page.screenshot(path=IMAGES / f"{name}.png", clip=box, full_page=True)
    page.close()


def take_live(browser: Browser) -> None:
    """Take a picture of the web UI's tab, half a minute into a test of the default plan's arms."""
    command = [
        sys.executable,
        "-m",
        "portcompare",
        "ui",
        str(ROOT / "loadtests" / "plan.toml"),
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ui:
        try:
            start = "web UI: "
            url = next((line for line in ui.stdout or () if line.startswith(start)), "").removeprefix(start)
            page = browser.new_page(viewport={"width": 1400, "height": 1080}, color_scheme="light")
            page.set_default_timeout(LIVE_LIMIT_MS)
            page.goto(url.strip())
            page.fill("input[name=userCount]", str(LIVE_USERS))
            page.fill("input[name=spawnRate]", str(LIVE_USERS))
            page.select_option("select[name=scenario]", "delayed")
            page.click("button[type=submit]")
            while page.evaluate(LIVE_COUNTED) < LIVE_S:
                page.wait_for_timeout(1000)
            page.screenshot(path=IMAGES / f"{LIVE}.png")
            page.close()
        finally:
            ui.terminate()


if __name__ == "__main__":
    main()
