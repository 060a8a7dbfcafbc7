"""Page loads: where their time goes, medians, ratings, and each candidate against the baseline."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

import numpy as np

from portcompare.analyse.comparisons import find_references, ratio_of_blocks
from portcompare.plan import Plan
from portcompare.records.estimates import Estimate
from portcompare.records.manifest import Ceiling, Manifest
from portcompare.records.pages import (
    Exchange,
    LoadKind,
    PageComparison,
    PageFigure,
    PageLoad,
    PageMetric,
    PagePart,
    Pages,
    PageSummary,
    PageVisit,
    Rating,
    Stage,
    spent_s,
)
from portcompare.records.rounds import BASELINE
from portcompare.stats.intervals import CONFIDENCE, binomial_quantile
from portcompare.units import count, duration, share, size

Condition = tuple[str, int, LoadKind]
ByArm = dict[str, list[PageVisit]]

KINDS: tuple[LoadKind, ...] = ("cold", "warm")
METRICS: tuple[PageMetric, ...] = ("lcp", "fcp", "ttfb", "response", "download", "blocking")
COMPARED: tuple[PageMetric, ...] = ("lcp", "fcp", "ttfb")

THRESHOLDS_S: dict[PageMetric, tuple[float, float]] = {
    "lcp": (2.5, 4.0),
    "fcp": (1.8, 3.0),
    "ttfb": (0.8, 1.8),
    "blocking": (0.2, 0.6),
}
"""Up to the first it is good, beyond the second poor.

References:
    web.dev/articles/lcp, /fcp and /ttfb, all at the 75th percentile of page loads; for the total blocking
    time, which only laboratories measure, Lighthouse's scoring of it on
    developer.chrome.com/docs/lighthouse/performance/lighthouse-total-blocking-time.
"""


def find_pages(plan: Plan, manifest: Manifest, visits: Sequence[PageVisit], browser: str) -> Pages:
    """Analyse the visits of a plan's pages; `browser`: its name and version, empty if no page was loaded."""
    pages, arms = list(plan.pages), [arm.name for arm in plan.arms]
    served = {one.name: one for one in manifest.deployments}
    ordered = sorted(
        visits, key=lambda one: (pages.index(one.page), one.users, arms.index(one.arm), one.block)
    )
    return Pages(
        browser=browser,
        visits=tuple(visits),
        summaries=summarise_pages(
            ordered, lambda deployment, page: served[deployment].ceiling_of(plan.pages[page].scenario)
        ),
        comparisons=compare_pages(ordered, plan.rounds.margins["p50"]),
    )


def summarise_pages(
    visits: Iterable[PageVisit], ceiling_of: Callable[[str, str], Ceiling]
) -> tuple[PageSummary, ...]:
    """Summarise the loads of each page under each condition from each arm."""
    return tuple(
        _summary(condition, group, ceiling_of(group[0].deployment, condition[0]))
        for condition, arms in _group(visits).items()
        for group in arms.values()
    )


def compare_pages(visits: Iterable[PageVisit], margin: float) -> tuple[PageComparison, ...]:
    """Compare every arm with the baseline, paired by block."""
    return tuple(
        PageComparison(
            page=page,
            users=users,
            kind=kind,
            metric=metric,
            candidate=arm,
            ratio=_ratio(kind, metric, arms, arm, margin),
        )
        for (page, users, kind), arms in _group(visits).items()
        if BASELINE in arms
        for arm in arms
        if arm != BASELINE
        for metric in COMPARED
    )


def find_parts(load: PageLoad) -> tuple[PagePart, ...]:
    """Cut a load into its parts.

    The page is requested and received; then its script requests what is to be shown, and that is received;
    then it is painted. Where the largest paint waited for no such response, the middle is left out.
    """
    document, response, lcp_s = load.document, load.response, load.lcp_s
    if document is None or lcp_s is None:
        return ()
    ends: list[tuple[Stage, str, float]] = [("network", "connect", document.sent_s)]
    ends += _exchanged(document, "page")
    if response is not None:
        ends += [("client", "run the script", response.sent_s), *_exchanged(response, "response")]
    ends.append(("client", "render", lcp_s))
    parts: list[PagePart] = []
    reached_s = 0.0
    # A browser may do things at once, so a part may end before the one before it.
    for stage, what, until_s in ends:
        end_s = min(max(until_s, reached_s), lcp_s)
        if end_s > reached_s:
            parts.append(PagePart(stage=stage, what=what, start_s=reached_s, end_s=end_s))
        reached_s = end_s
    return tuple(parts)


def _exchanged(exchange: Exchange, name: str) -> Iterator[tuple[Stage, str, float]]:
    if exchange.handler_s is None:
        yield "server", f"wait for the {name}", exchange.first_byte_s
    else:
        yield "queue", f"wait for the {name}'s handler", exchange.first_byte_s - exchange.handler_s
        yield "handler", f"handle the {name}", exchange.first_byte_s
    yield "network", f"download the {name}", exchange.ended_s


def find_bottleneck(parts: Sequence[PagePart], load: PageLoad, users: int, ceiling: Ceiling) -> str:
    """Say where most of a page's time goes."""
    if not parts or load.lcp_s is None:
        return ""
    handler_s, queue_s = spent_s(parts, "handler"), spent_s(parts, "queue")
    whose_s = {
        "the server's": handler_s + queue_s + spent_s(parts, "server"),
        "the network's": spent_s(parts, "network"),
        "the browser's": spent_s(parts, "client"),
    }
    whose = max(whose_s, key=lambda one: whose_s[one])
    found = f"{share(whose_s[whose] / load.lcp_s)} of the wait of {duration(load.lcp_s)} is {whose}"
    if whose == "the network's":
        received = sum(one.received_bytes for one in (load.document, load.response) if one is not None)
        return f"{found}: to connect and to transfer {size(received)}"
    if whose == "the browser's":
        return f"{found}: to run scripts, to lay out and to paint"
    if handler_s == queue_s == 0:
        return f"{found}: in its queue or its handler, which it does not report separately"
    if handler_s >= queue_s:
        return f"{found}: {duration(handler_s)} in handlers, {duration(queue_s)} around them"
    waiting = ""
    if users and ceiling.slots is None:
        waiting = f", while {count(users, 'user')} wait as well"
    elif ceiling.slots is not None and users >= ceiling.slots:
        waiting = f", as {count(users, 'user')} wait for {count(ceiling.slots, ceiling.noun)}"
    return f"{found}: {duration(queue_s)} around the handlers{waiting}, {duration(handler_s)} in them"


def page_metric(load: PageLoad, metric: PageMetric) -> float | None:
    """A load's value in a measure, in seconds; None where it is not known."""
    document, response = load.document, load.response
    if metric == "ttfb":
        return document.first_byte_s if document else None
    if metric == "response":
        return response.first_byte_s - response.sent_s if response else None
    if metric == "download":
        waited_for = response or document
        return waited_for.ended_s - waited_for.first_byte_s if waited_for else None
    return {"lcp": load.lcp_s, "fcp": load.fcp_s, "blocking": load.blocking_s}[metric]


def rate(metric: PageMetric, p75_s: float) -> Rating | None:
    """Rate a page's 75th percentile by the usual thresholds; None for a measure without thresholds."""
    if metric not in THRESHOLDS_S:
        return None
    good_s, poor_s = THRESHOLDS_S[metric]
    if p75_s <= good_s:
        return "good"
    return "needs improvement" if p75_s <= poor_s else "poor"


def median_interval(values: Sequence[float]) -> Estimate:
    """The median with its interval, from the order of the values alone.

    Its ends are the innermost values between which the true median lies in 95% of samples or more, and None
    for fewer than six values, which are too few for that. References: David and Nagaraja, "Order Statistics",
    3rd edition, 2003, section 7.1: the number of values below the median is binomial.
    """
    ordered = sorted(values)
    # How many values may be cut at either end, each end being wrong in at most 2.5%; -1 for none.
    cut = binomial_quantile((1 - CONFIDENCE) / 2, len(ordered)) - 1
    low, high = (ordered[cut], ordered[-cut - 1]) if cut >= 0 else (None, None)
    return Estimate(point=median(ordered), low=low, high=high, blocks=len(ordered))


def _group(visits: Iterable[PageVisit]) -> dict[Condition, ByArm]:
    groups: dict[Condition, ByArm] = {}
    for visit in visits:
        if visit.discarded is None:
            for kind in KINDS:
                groups.setdefault((visit.page, visit.users, kind), {}).setdefault(visit.arm, []).append(visit)
    return groups


def _by_block(visits: Iterable[PageVisit], kind: LoadKind, metric: PageMetric) -> dict[int, float]:
    """The median of each block's loads, which are no independent samples."""
    found: dict[int, list[float]] = {}
    for visit in visits:
        values = (page_metric(load, metric) for load in visit.loads if load.kind == kind)
        found[visit.block] = [value for value in values if value is not None]
    return {block: median(values) for block, values in found.items() if values}


def _summary(condition: Condition, visits: Sequence[PageVisit], ceiling: Ceiling) -> PageSummary:
    page, users, kind = condition
    loads = [load for visit in visits for load in visit.loads if load.kind == kind]
    good = sorted((load for load in loads if load.lcp_s is not None), key=lambda load: load.lcp_s or 0.0)
    middle = good[(len(good) - 1) // 2] if good else None
    parts = find_parts(middle) if middle else ()
    rates_rps = [visit.users_load.rate_rps for visit in visits if visit.users_load is not None]
    return PageSummary(
        page=page,
        users=users,
        kind=kind,
        arm=visits[0].arm,
        deployment=visits[0].deployment,
        blocks=len({visit.block for visit in visits}),
        loads=len(good),
        failures=dict(Counter(load.failure for load in loads if load.failure is not None)),
        figures=tuple(_figures(visits, kind, good)),
        parts=parts,
        bottleneck=find_bottleneck(parts, middle, users, ceiling) if middle else "",
        users_rate_rps=median(rates_rps) if rates_rps else None,
    )


def _figures(visits: Sequence[PageVisit], kind: LoadKind, good: Sequence[PageLoad]) -> Iterator[PageFigure]:
    for metric in METRICS:
        values = [value for load in good if (value := page_metric(load, metric)) is not None]
        if values:
            p75_s = float(np.percentile(values, 75))
            yield PageFigure(
                metric=metric,
                median_s=median_interval(list(_by_block(visits, kind, metric).values())),
                p75_s=p75_s,
                rating=rate(metric, p75_s),
            )


def _ratio(kind: LoadKind, metric: PageMetric, arms: ByArm, arm: str, margin: float) -> Estimate:
    values = {name: _by_block(visits, kind, metric) for name, visits in arms.items()}
    baseline, candidate = (
        {block: value for block, value in by_block.items() if value}
        for by_block in (find_references(values, arm), values[arm])
    )
    # A response time as well: less is better.
    return ratio_of_blocks("p50", baseline, candidate, margin, needed="loads of both pages")
