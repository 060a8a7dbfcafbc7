"""The index page and the comparison in a real browser: nothing is requested, nothing overflows."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from portcompare.history.trends import History
from portcompare.history.views import write_index_page
from portcompare.report import DIFF_EXPORTERS
from tests.history.test_views import folder, history
from tests.report.test_browser import Opened
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
        opened = Opened(chromium, path, viewport={"width": width, "height": 800})
        assert (opened.requests, opened.complaints) == ([path.as_uri()], [])
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.page.evaluate("document.querySelectorAll('svg path').length") > 0
        opened.page.context.close()
