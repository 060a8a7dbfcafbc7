"""One load of a page: told to go there, watched until it is over, and read out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from portcompare.records.pages import Exchange, PageLoad

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from playwright.sync_api import Browser, Page

    from portcompare.records.pages import LoadKind


_MS_PER_S = 1e3
_BLOCKING_FROM_S = 0.05
_BAD_STATUS = 400

FIGURES_SCRIPT = """
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
"""Waits until a page is quiet and returns its figures in milliseconds; null if it is not in time.

The observers get what was noted before they came, too: `buffered`.
"""


def read_figures(found: Mapping[str, Any], kind: LoadKind) -> PageLoad:
    """Make a record of a load."""
    document = found["navigation"]
    fetched = [one for one in found["resources"] if one["initiatorType"] in ("fetch", "xmlhttprequest")]
    wrong = next((one for one in (document, *found["resources"]) if _is_wrong(one)), None)
    if wrong is not None:
        status = wrong["responseStatus"]
        what = f"was answered {status}" if status else "had no answer"
        return PageLoad(kind=kind, failure=f"GET {_target(wrong)} {what}")
    if not found["lcp"] or not found["fcp"]:
        return PageLoad(kind=kind, failure="nothing was painted")
    lcp_s, fcp_s = found["lcp"][-1] / _MS_PER_S, found["fcp"][0] / _MS_PER_S
    exchanges = sorted(map(_exchange, fetched), key=lambda one: one.ended_s)
    return PageLoad(
        kind=kind,
        fcp_s=fcp_s,
        lcp_s=lcp_s,
        blocking_s=_blocking_s(found["tasks"], fcp_s),
        document=_exchange(document),
        response=next((one for one in reversed(exchanges) if one.ended_s <= lcp_s), None),
    )


def _is_wrong(timing: Mapping[str, Any]) -> bool:
    return not 0 < timing["responseStatus"] < _BAD_STATUS


def _exchange(timing: Mapping[str, Any]) -> Exchange:
    own = [one["duration"] for one in timing["serverTiming"] if one["name"] == "app"]
    return Exchange(
        target=_target(timing),
        sent_s=timing["requestStart"] / _MS_PER_S,
        first_byte_s=timing["responseStart"] / _MS_PER_S,
        ended_s=timing["responseEnd"] / _MS_PER_S,
        handler_s=own[0] / _MS_PER_S if own else None,
        received_bytes=timing["transferSize"],
    )


def _target(timing: Mapping[str, Any]) -> str:
    parts = urlsplit(str(timing["name"]))
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _blocking_s(tasks: Iterable[tuple[float, float]], fcp_s: float) -> float:
    """Total blocking time.

    References:
        web.dev/articles/tbt: of each long task the time beyond 50 ms, from the first contentful paint on.
        There until the page is interactive; here until the load is over, when no long task comes any more.
    """
    parts_s = ((start + took) / _MS_PER_S - max(start / _MS_PER_S, fcp_s) for start, took in tasks)
    return sum(max(part_s - _BLOCKING_FROM_S, 0.0) for part_s in parts_s)


QUIET_S = 0.5
"""A load is over when for so long no request was under way, nothing larger was painted and no long task ran.

It is the time without requests that Playwright calls "networkidle". Chromium itself goes on looking for
larger paints until the page is hidden or the user does something; nobody does here.
"""

KINDS: tuple[LoadKind, ...] = ("cold", "warm")


def visit_page(browser: Browser, url: str, limit_s: float) -> tuple[PageLoad, ...]:
    """Load a page twice: as on a first visit, and once more right after it."""
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
