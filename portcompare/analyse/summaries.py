"""What each arm did at each level: medians over its valid rounds."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from portcompare.model import Latency, Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence

    from portcompare.model import Bound, Comparison, Round, Verdict

_MILLION = 1e6
_S_PER_HOUR = 3600


def summarise(
    rounds: Iterable[Round],
    comparisons: Iterable[Comparison],
    find_bound: Callable[[Round, float | None], Bound | None],
    core_hour_price: float | None = None,
) -> tuple[Summary, ...]:
    """Summarise the rounds of each arm at each level.

    Args:
        rounds: The judged rounds.
        comparisons: Where the verdicts are taken from.
        find_bound: Tells a round's bound at a CPU time per request in seconds; None for what is not known.
        core_hour_price: What one CPU core costs for an hour, in any currency; None if that is not known.

    Returns:
        One summary for each arm and level, in the order in which they first appear.
    """
    groups: dict[tuple[str, float, str], list[Round]] = {}
    for one in rounds:
        groups.setdefault((one.scenario, one.level, one.arm), []).append(one)
    verdicts = {
        (one.scenario, one.level, one.candidate): one.verdict
        for one in comparisons
        if one.metric == "throughput"
    }
    summaries = [
        _summary(group, verdicts.get(key), find_bound, core_hour_price) for key, group in groups.items()
    ]
    closed = {scenario for (scenario, _, _), group in groups.items() if group[0].offered_rps is None}
    return tuple(_with_queues(summaries, closed))


def _with_queues(summaries: Sequence[Summary], closed: Container[str]) -> Iterator[Summary]:
    """Tell how long requests wait for others, in closed scenarios that have a level of one user.

    What a lone request takes outside the handler is the server's own work and the network; what it takes
    more among others is waiting, as a residence time is service and waiting (Lazowska and others,
    "Quantitative System Performance", 1984).
    """
    alone_s = {
        (one.scenario, one.arm): one.outside_handler_s
        for one in summaries
        if one.scenario in closed and one.level == 1
    }
    for one in summaries:
        lone_s = alone_s.get((one.scenario, one.arm))
        if lone_s is None or one.outside_handler_s is None:
            yield one
        else:
            overhead_s = min(one.outside_handler_s, lone_s)
            yield replace(one, queue_s=one.outside_handler_s - overhead_s, overhead_s=overhead_s)


def _summary(
    group: Sequence[Round],
    verdict: Verdict | None,
    find_bound: Callable[[Round, float | None], Bound | None],
    core_hour_price: float | None,
) -> Summary:
    first = group[0]
    valid = [one for one in group if one.void is None]
    latencies = [one.latency_s for one in valid if one.latency_s is not None]
    rate_rps = _median(one.rate_rps for one in valid)
    latency_s = _median_latency(latencies)
    handler_s = _median(one.handler_s for one in valid)
    middle = min(valid, key=lambda one: abs(one.rate_rps - (rate_rps or 0.0)), default=None)
    cpu_s = _median(one.cpu_s_per_request for one in valid)
    # Of the medians themselves: the bound of a single round would not be that of the rate beside it.
    bound = find_bound(middle, cpu_s) if middle else None
    return Summary(
        arm=first.arm,
        deployment=first.deployment,
        scenario=first.scenario,
        level=first.level,
        rounds=len(valid),
        voided=len(group) - len(valid),
        requests=sum(one.requests for one in valid),
        errors=sum(one.errors for one in group),
        rate_rps=rate_rps,
        latency_s=latency_s,
        handler_s=handler_s,
        outside_handler_s=(
            max(latency_s.p50 - handler_s, 0.0) if latency_s is not None and handler_s is not None else None
        ),
        received_bytes_per_request=_median(one.received_bytes_per_request for one in valid),
        cpu_s_per_request=cpu_s,
        rss_peak_bytes=max((one.rss_peak_bytes for one in valid if one.rss_peak_bytes), default=None),
        bound=bound,
        bound_share=rate_rps / bound.rate_rps if rate_rps is not None and bound is not None else None,
        verdict=verdict,
        cost_per_million=(
            None
            if cpu_s is None or core_hour_price is None
            else cpu_s * _MILLION / _S_PER_HOUR * core_hour_price
        ),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _median_latency(latencies: Sequence[Latency]) -> Latency | None:
    if not latencies:
        return None
    return Latency(
        p50=median(one.p50 for one in latencies),
        p95=median(one.p95 for one in latencies),
        p99=median(one.p99 for one in latencies),
        p999=median(one.p999 for one in latencies),
        max=max(one.max for one in latencies),
    )
