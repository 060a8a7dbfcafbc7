"""A page loaded by the system's Chromium: cold and warm, each load watched until it is over."""

from __future__ import annotations

import importlib.util
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from portcompare.errors import InputError, Problem
from portcompare.records.pages import Exchange, PageLoad
from portcompare.serve.extras import command_for_extras

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser, Page

    from portcompare.records.pages import LoadKind

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


def search_program() -> str | None:
    """The path of the system's Chromium; None if there is none on the PATH."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def find_chromium() -> Path:
    """Find the system's Chromium; an InputError says how to install it and Playwright."""
    problems = []
    if importlib.util.find_spec("playwright") is None:
        remedy = command_for_extras("browser")
        problems.append(Problem(where="browser", found="Playwright is not installed", remedy=remedy))
    program = search_program()
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


# A load is over when for so long no request was open, nothing larger was painted and no long task ran. It is
# the time without requests that Playwright calls "networkidle". Chromium itself continues to look for larger
# paints until the page is hidden or the user does something, which nobody does here.
QUIET_S = 0.5

_MS_PER_S = 1e3
_LONG_TASK_S = 0.05

# Waits until a page is quiet and returns its figures in milliseconds; null if it is not in time. `buffered`:
# the observers get the entries from before they were made, too.
_FIGURES_SCRIPT = """
async ([quiet, left]) => {
    const limit = performance.now() + left;
    const seen = { 'largest-contentful-paint': [], longtask: [], paint: [] };
    for (const type of Object.keys(seen)) {
        new PerformanceObserver(list => seen[type].push(...list.getEntries()))
            .observe({ type, buffered: true });
    }
    const timings = type => performance.getEntriesByType(type).map(one => one.toJSON());
    const last = () => Math.max(
        ...seen['largest-contentful-paint'].map(one => one.startTime),
        ...seen.longtask.map(one => one.startTime + one.duration),
        ...performance.getEntriesByType('resource').map(one => one.responseEnd),
        0,
    );
    do {
        if (performance.now() > limit) return null;
        await new Promise(done => setTimeout(done, 20));
    } while (performance.now() - last() < quiet);
    return {
        navigation: timings('navigation')[0],
        resources: timings('resource'),
        lcp: seen['largest-contentful-paint'].map(one => one.startTime),
        fcp: seen.paint.filter(one => one.name == 'first-contentful-paint').map(one => one.startTime),
        tasks: seen.longtask.map(one => [one.startTime, one.duration]),
    };
}
"""


def visit_page(browser: Browser, url: str, limit_s: float) -> tuple[PageLoad, ...]:
    """Load a page twice: as on a first visit, and once more right after it."""
    context = browser.new_context()
    try:
        return tuple(_load(context.new_page(), url, limit_s, kind) for kind in ("cold", "warm"))
    finally:
        context.close()


def _load(page: Page, url: str, limit_s: float, kind: LoadKind) -> PageLoad:
    from playwright.sync_api import Error, TimeoutError  # noqa: A004, PLC0415 - of an optional extra

    script_errors: list[str] = []
    page.on("pageerror", lambda error: script_errors.append(f"a script failed: {_first_line(error)}"))
    deadline_s = time.monotonic() + limit_s
    try:
        page.goto(url, wait_until="load", timeout=limit_s * _MS_PER_S)
        page.wait_for_load_state("networkidle", timeout=_left_ms(deadline_s))
        found = page.evaluate(_FIGURES_SCRIPT, [QUIET_S * _MS_PER_S, _left_ms(deadline_s)])
    except TimeoutError:
        found = None
    except Error as error:
        return PageLoad(kind=kind, failure=_first_line(error))
    finally:
        page.close()
    if found is None:
        return PageLoad(kind=kind, failure=f"it was not over within {limit_s:g} s")
    failure = script_errors[0] if script_errors else _find_failure(found)
    return PageLoad(kind=kind, failure=failure) if failure else _read_figures(found, kind)


def _find_failure(found: Mapping[str, Any]) -> str | None:
    for timing in (found["navigation"], *found["resources"]):
        status = timing["responseStatus"]
        if not 0 < status < 400:  # noqa: PLR2004 - from 400 on a status is an error
            request = f"GET {_target(timing)}"
            return f"{request} received status {status}" if status else f"{request} received no response"
    return None if found["lcp"] and found["fcp"] else "nothing was painted"


def _read_figures(found: Mapping[str, Any], kind: LoadKind) -> PageLoad:
    lcp_s, fcp_s = found["lcp"][-1] / _MS_PER_S, found["fcp"][0] / _MS_PER_S
    sent = [one for one in found["resources"] if one["initiatorType"] in ("fetch", "xmlhttprequest")]
    exchanges = sorted(map(_exchange, sent), key=lambda one: one.ended_s)
    # Total blocking time (web.dev/articles/tbt): of each long task the time beyond 50 ms, from the first
    # contentful paint on. There until the page is interactive; here until the load is over, when no long task
    # comes any more.
    tasks_s = ((start + took) / _MS_PER_S - max(start / _MS_PER_S, fcp_s) for start, took in found["tasks"])
    return PageLoad(
        kind=kind,
        fcp_s=fcp_s,
        lcp_s=lcp_s,
        blocking_s=sum((max(task_s - _LONG_TASK_S, 0.0) for task_s in tasks_s), 0.0),
        document=_exchange(found["navigation"]),
        response=next((one for one in reversed(exchanges) if one.ended_s <= lcp_s), None),
    )


def _exchange(timing: Mapping[str, Any]) -> Exchange:
    in_handler = [one["duration"] for one in timing["serverTiming"] if one["name"] == "app"]
    return Exchange(
        target=_target(timing),
        sent_s=timing["requestStart"] / _MS_PER_S,
        first_byte_s=timing["responseStart"] / _MS_PER_S,
        ended_s=timing["responseEnd"] / _MS_PER_S,
        handler_s=in_handler[0] / _MS_PER_S if in_handler else None,
        received_bytes=timing["transferSize"],
    )


def _target(timing: Mapping[str, Any]) -> str:
    parts = urlsplit(str(timing["name"]))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _left_ms(deadline_s: float) -> float:
    """The time until then; at least 1 ms, as Playwright takes 0 for no limit."""
    return max(deadline_s - time.monotonic(), 0.001) * _MS_PER_S


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
