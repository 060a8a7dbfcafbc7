"""One load of a page: told to go there, watched until it is over, and read out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from portcompare.browser.figures import FIGURES_SCRIPT, read_figures
from portcompare.pages import PageLoad

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from portcompare.pages import LoadKind

QUIET_S = 0.5
"""A load is over when for so long no request was under way, nothing larger was painted and no long task ran.

It is the time without requests that Playwright calls "networkidle". Chromium itself goes on looking for
larger paints until the page is hidden or the user does something; nobody does here.
"""

KINDS: tuple[LoadKind, ...] = ("cold", "warm")


def visit_page(browser: Browser, url: str, limit_s: float) -> tuple[PageLoad, ...]:
    """Load a page twice: as on a first visit, and once more right after it.

    Args:
        browser: The browser.
        url: The page's address.
        limit_s: A load that is not over by then has failed.

    Returns:
        A cold load, with an empty cache and no connection, and a warm one in the same browser context, in a
        tab of its own. A load that failed is among them, and the reason with it.
    """
    context = browser.new_context()
    try:
        return tuple(_load(context.new_page(), url, limit_s, kind) for kind in KINDS)
    finally:
        context.close()


def _load(page: Page, url: str, limit_s: float, kind: LoadKind) -> PageLoad:
    from playwright.sync_api import Error  # noqa: PLC0415 - of an optional extra
    from playwright.sync_api import TimeoutError as TooLateError  # noqa: PLC0415 - as above

    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(f"a script failed: {_first_line(error)}"))
    deadline_s = time.monotonic() + limit_s
    try:
        page.goto(url, wait_until="load", timeout=limit_s * 1000)
        page.wait_for_load_state("networkidle", timeout=_left_ms(deadline_s))
        found: dict[str, Any] | None = page.evaluate(FIGURES_SCRIPT, [QUIET_S * 1000, _left_ms(deadline_s)])
    except TooLateError:
        found = None
    except Error as error:
        return PageLoad(kind=kind, failure=_first_line(error))
    finally:
        page.close()
    if found is None:
        return PageLoad(kind=kind, failure=f"it was not over within {limit_s:g} s")
    return PageLoad(kind=kind, failure=broken[0]) if broken else read_figures(found, kind)


def _left_ms(deadline_s: float) -> float:
    """What is left until then; Playwright takes 0 for no limit at all."""
    return max(deadline_s - time.monotonic(), 0.001) * 1000


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
