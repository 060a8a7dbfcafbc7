"""The index page and the comparison in a real browser: nothing is requested, nothing overflows."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from portcompare.history.trends import History
from portcompare.history.views import write_index_page
from portcompare.report import DIFF_EXPORTERS
from tests.history.test_views import folder, history
from tests.report.test_diff import DIFF, NEW

__all__ = ["folder", "history"]  # fixtures


@pytest.fixture(scope="module")
def pages(folder: Path, history: History) -> list[Path]:
    diff = folder / "diff.html"
    diff.write_text(DIFF_EXPORTERS["diff.html"](DIFF, NEW), encoding="utf-8")
    return [write_index_page(history, folder), diff]


@pytest.mark.parametrize("width", [1200, 400])
def test_pages_request_nothing_and_fit_their_window(chromium: Browser, pages: list[Path], width: int) -> None:
    for path in pages:
        look_at(chromium, path, width)


def look_at(chromium: Browser, path: Path, width: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800})
    requested: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    assert requested == [path.as_uri()]
    assert errors == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelectorAll('svg path').length") > 0
    page.close()
