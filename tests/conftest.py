from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest

from portcompare.browser import find_chromium, launch_chromium
from portcompare.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking through thousands of collected tests again and again.

    It takes tenths of a second, in which servers that run in threads of this process answer nothing.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser; its tests are skipped where there is none, but not where REQUIRE_CHROMIUM is set."""
    try:
        find_chromium()
    except InputError as error:
        if "REQUIRE_CHROMIUM" in os.environ:
            raise
        pytest.skip(str(error))
    with launch_chromium() as browser:
        yield browser
