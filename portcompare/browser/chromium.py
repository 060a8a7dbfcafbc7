"""The system's Chromium, driven by Playwright."""

from __future__ import annotations

import importlib.util
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")  # first choice first

_FLAGS = (
    "--no-sandbox",  # it runs as root in containers, and loads only what was started here
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Its own traffic in the background is no part of what is measured.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> Path:
    """Find the system's Chromium; an InputError says how to install it and Playwright."""
    problems = []
    if importlib.util.find_spec("playwright") is None:
        remedy = "pip install 'portcompare[browser]'"
        problems.append(Problem(where="browser", found="Playwright is not installed", remedy=remedy))
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        found = f"there is no Chromium on the PATH (searched for {', '.join(BROWSERS)})"
        remedy = "install the package `chromium` of your distribution: apt-get install chromium"
        problems.append(Problem(where="browser", found=found, remedy=remedy))
    if problems or program is None:
        raise InputError(problems)
    return Path(program)


@contextmanager
def launch_chromium() -> Iterator[Browser]:
    """Run the system's Chromium without a window."""
    program = find_chromium()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of an optional extra

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS, headless=True)
        try:
            yield browser
        finally:
            browser.close()
