"""From what the browser tells of a load, in its own terms, to a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from portcompare.pages import Exchange, PageLoad

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portcompare.pages import LoadKind

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
    """Make a record of a load.

    Args:
        found: What `FIGURES_SCRIPT` returned.
        kind: Which load it was.

    Returns:
        The record; a failure if an answer was an error, or if nothing was painted.
    """
    document = found["navigation"]
    asked = [one for one in found["resources"] if one["initiatorType"] in ("fetch", "xmlhttprequest")]
    wrong = next((one for one in (document, *found["resources"]) if _is_wrong(one)), None)
    if wrong is not None:
        status = wrong["responseStatus"]
        what = f"was answered {status}" if status else "had no answer"
        return PageLoad(kind=kind, failure=f"GET {_target(wrong)} {what}")
    if not found["lcp"] or not found["fcp"]:
        return PageLoad(kind=kind, failure="nothing was painted")
    lcp_s, fcp_s = found["lcp"][-1] / _MS_PER_S, found["fcp"][0] / _MS_PER_S
    exchanges = sorted(map(_exchange, asked), key=lambda one: one.ended_s)
    return PageLoad(
        kind=kind,
        fcp_s=fcp_s,
        lcp_s=lcp_s,
        blocking_s=_blocking_s(found["tasks"], fcp_s),
        document=_exchange(document),
        answer=next((one for one in reversed(exchanges) if one.ended_s <= lcp_s), None),
    )


def _is_wrong(timing: Mapping[str, Any]) -> bool:
    return not 0 < timing["responseStatus"] < _BAD_STATUS


def _exchange(timing: Mapping[str, Any]) -> Exchange:
    own = [one["duration"] for one in timing["serverTiming"] if one["name"] == "app"]
    return Exchange(
        target=_target(timing),
        asked_s=timing["requestStart"] / _MS_PER_S,
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
