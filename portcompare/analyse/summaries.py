"""What each arm did at each level, how its response times are distributed, and the course of its rounds."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from statistics import median
from typing import NamedTuple

from hdrh.histogram import HdrHistogram

from portcompare.records.estimates import Comparison, Estimate
from portcompare.records.results import Spectrum, SpectrumPoint, Summary
from portcompare.records.rounds import BASELINE, CONTROL, Bound, Latency, Round

FindBound = Callable[[Round, float | None], Bound | None]

STEPS_A_DECADE = 8
DECADES = 4

QUANTILES = tuple(
    sorted({1 - 10 ** (-step / STEPS_A_DECADE) for step in range(DECADES * STEPS_A_DECADE + 1)} | {0.5, 0.95})
)
"""At equal distances on a logarithmic axis of what lies beyond them, from the minimum to p99.99."""

_LEAST_RANKED = 3  # Deployments; a baseline and a candidate have their ratio

_MILLION = 1e6
_US_PER_S = 1e6
_S_PER_HOUR = 3600


def summarise(
    rounds: Iterable[Round],
    comparisons: Iterable[Comparison],
    find_bound: FindBound,
    core_hour_price: float | None = None,
) -> tuple[Summary, ...]:
    """Summarise the rounds of each arm at each level.

    `find_bound`: gives a round's bound at a CPU time per request in seconds; None for what is not known.
    `core_hour_price`: what one CPU core costs for an hour, in any currency; None if that is not known.
    """
    groups: dict[tuple[str, float, str], list[Round]] = {}
    for one in rounds:
        groups.setdefault((one.scenario, one.level, one.arm), []).append(one)
    ratios = {
        (one.scenario, one.level, one.candidate): one.ratio
        for one in comparisons
        if one.metric == "throughput"
    }
    summaries = [
        _summary(group, ratios.get(key), find_bound, core_hour_price) for key, group in groups.items()
    ]
    # What a lone request of the closed model takes outside the handler is the server's own work and the
    # network; what it takes more among others is waiting, as a residence time is service and waiting
    # (Lazowska and others, "Quantitative System Performance", 1984).
    alone_s = {
        (scenario, arm): one.outside_handler_s
        for one, ((scenario, level, arm), group) in zip(summaries, groups.items(), strict=True)
        if level == 1 and group[0].load.offered_rps is None
    }
    for place, found in enumerate(summaries):
        own_s, around_s = alone_s.get((found.scenario, found.arm)), found.outside_handler_s
        if own_s is not None and around_s is not None:
            overhead_s = min(around_s, own_s)
            summaries[place] = replace(found, queue_s=around_s - overhead_s, overhead_s=overhead_s)
    return tuple(summaries)


def rank(summaries: Sequence[Summary], scenarios: Collection[str], margin: float) -> tuple[Summary, ...]:
    """Rank the deployments by throughput at each level of some scenarios that has several candidates.

    A rank begins where an interval lies below that of the first of the rank before, by more than the margin.
    """
    levels: dict[tuple[str, float], list[tuple[float, float, float, str]]] = {}
    for one in summaries:
        ratio = Estimate(point=1.0, low=1.0, high=1.0) if one.arm == BASELINE else one.ratio
        is_ranked = one.scenario in scenarios and one.arm != CONTROL
        if is_ranked and ratio and ratio.is_result and ratio.point and ratio.interval:
            found = (ratio.point, *ratio.interval, one.arm)
            levels.setdefault((one.scenario, one.level), []).append(found)
    ranks: dict[tuple[str, float, str], int] = {}
    for level, ranked in levels.items():
        if len(ranked) < _LEAST_RANKED:
            continue
        first, first_low = 1, 0.0
        for place, (_, low, high, arm) in enumerate(sorted(ranked, reverse=True), 1):
            if place == 1 or high * (1 + margin) < first_low:
                first, first_low = place, low
            ranks[*level, arm] = first
    return tuple(replace(one, rank=ranks.get((one.scenario, one.level, one.arm))) for one in summaries)


def _summary(
    group: Sequence[Round], ratio: Estimate | None, find_bound: FindBound, core_hour_price: float | None
) -> Summary:
    first = group[0]
    valid = [one for one in group if one.discarded is None]
    rate_rps = _median(one.load.rate_rps for one in valid)
    latency_s = None
    if known := [one.load.latency_s for one in valid if one.load.latency_s is not None]:
        middles = {
            name: median(getattr(one, name) for one in known) for name in ("p50", "p95", "p99", "p999")
        }
        latency_s = Latency(**middles, max=max(one.max for one in known))
    handler_s = _median(one.load.handler_s for one in valid)
    outside_s = None if latency_s is None or handler_s is None else max(latency_s.p50 - handler_s, 0.0)
    cpu_s = _median(one.cpu_s_per_request for one in valid)
    # Of the medians themselves: the bound of a single round would not be that of the rate beside it.
    middle = min(valid, key=lambda one: abs(one.load.rate_rps - (rate_rps or 0.0)), default=None)
    bound = find_bound(middle, cpu_s) if middle else None
    cost = (
        None if cpu_s is None or core_hour_price is None else cpu_s * _MILLION / _S_PER_HOUR * core_hour_price
    )
    return Summary(
        arm=first.arm,
        deployment=first.deployment,
        scenario=first.scenario,
        level=first.level,
        rounds=len(valid),
        discarded_rounds=len(group) - len(valid),
        requests=sum(one.load.requests for one in valid),
        errors=sum(one.load.errors for one in group),
        censored=sum(one.load.censored for one in group),
        rate_rps=rate_rps,
        latency_s=latency_s,
        handler_s=handler_s,
        outside_handler_s=outside_s,
        received_bytes_per_request=_median(one.load.received_bytes_per_request for one in valid),
        cpu_s_per_request=cpu_s,
        rss_peak_bytes=max((one.rss_peak_bytes for one in valid if one.rss_peak_bytes), default=None),
        bound=bound,
        bound_share=rate_rps / bound.rate_rps if rate_rps is not None and bound is not None else None,
        ratio=ratio,
        cost_per_million=cost,
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def find_spectra(
    summaries: Iterable[Summary], rounds: Iterable[Round], histograms: Mapping[tuple[int, int], str]
) -> tuple[Spectrum, ...]:
    """Merge the histograms of the rounds that count, and read their percentiles.

    Counts of the same buckets add up, so the merged percentiles are those of all requests together; they are
    not averages of percentiles.

    `histograms`: the latencies of each round by its block and its place in that, encoded, in microseconds.
    """
    encoded: dict[tuple[str, float, str], list[str]] = {}
    for one in rounds:
        if one.discarded is None and (one.block, one.order) in histograms:
            key = (one.scenario, one.level, one.arm)
            encoded.setdefault(key, []).append(histograms[one.block, one.order])
    keys = ((one.scenario, one.level, one.arm) for one in summaries)
    found = (_spectrum(*key, encoded[key]) for key in keys if key in encoded)
    return tuple(one for one in found if one.requests)


def _spectrum(scenario: str, level: float, arm: str, histograms: Sequence[str]) -> Spectrum:
    first, *others = histograms
    merged = HdrHistogram.decode(first)
    for other in others:
        merged.decode_and_add(other)
    requests = merged.get_total_count()
    # A hair of tolerance: 10,000 requests have a p99.99.
    known = [quantile for quantile in QUANTILES if requests * (1 - quantile) >= 1 - 1e-9]
    # All in one pass over the buckets: one by one they take longer than all else that is done after a round.
    values_us = merged.get_percentile_to_value_dict([quantile * 100 for quantile in known])
    points = (
        SpectrumPoint(
            quantile=one, latency_s=values_us[one * 100] / _US_PER_S, rank=max(ceil(one * requests), 1)
        )
        for one in known
    )
    return Spectrum(scenario=scenario, level=level, arm=arm, requests=requests, points=tuple(points))


class Moment(NamedTuple):
    """What a round did in one slice of its window, or one turn."""

    at_s: float  # The middle of it, in seconds since the epoch
    rate_rps: float  # Successful requests per second
    p99_s: float | None  # The 99th percentile of their response times; None without a success


def find_moments(one: Round) -> list[Moment]:
    """The course of a round, by its slices or else its turns; empty if they are not known."""
    load = one.load
    length_s = load.window_s / max(len(load.slices), 1)
    return [
        Moment(load.started_at_s + (number + 0.5) * length_s, each.requests / length_s, each.p99_s)
        for number, each in enumerate(load.slices)
    ] or [Moment(turn.started_at_s + turn.duration_s / 2, turn.rate_rps or 0.0, None) for turn in one.turns]
