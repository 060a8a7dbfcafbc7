"""Adding up the parts of a round: exactly, count by count."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING

from hdrh.histogram import HdrHistogram

from portcompare.loadgen.figures import new_histogram
from portcompare.records.rounds import Latency, LoadReport, Slice
from portcompare.wire.protocol import RoundDone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portcompare.loadgen.figures import PartDone, SlicePart


def merge_parts(
    parts: Mapping[str, PartDone],
    *,
    started_at_s: float,
    window_s: float,
    warmup_s: float,
    steady: bool,
    failure: str | None,
) -> RoundDone:
    """Make one account of those of all processes.

    No instant of one process is compared with one of another, so their clocks need not agree.

    `started_at_s`: start of the window, in seconds since the epoch.
    `failure`: why the load was not the one that was ordered; None if it was.
    """
    all_parts = list(parts.values())
    histogram = merge_histograms(part.histogram for part in all_parts)
    requests = sum(part.requests for part in all_parts)
    handler_s = list(chain.from_iterable(part.handler_s for part in all_parts))
    offered = [part.lags for part in all_parts if part.lags is not None]
    lags = merge_histograms(offered)
    due = lags.get_total_count()
    received_bytes = sum(part.received_bytes for part in all_parts)
    load = LoadReport(
        started_at_s=started_at_s,
        window_s=window_s,
        warmup_s=warmup_s,
        steady=steady,
        requests=requests,
        rate_rps=sum(part.rate_rps for part in all_parts),
        error_kinds=dict(sum((Counter(part.error_kinds) for part in all_parts), Counter[str]())),
        # A client that does not say how much it received says 0.
        received_bytes_per_request=received_bytes / requests if requests and received_bytes else None,
        reconnects=sum(part.reconnects for part in all_parts),
        latency_s=_percentiles(histogram),
        handler_s=median(handler_s) if handler_s else None,
        offered_rps=due / window_s if offered else None,
        dropped=sum(part.dropped for part in all_parts),
        lag_p99_s=lags.get_value_at_percentile(99) / 1e6 if due else None,
        lag_max_s=lags.get_max_value() / 1e6 if due else None,
        stall_max_s=max((part.stall_max_s for part in all_parts), default=0.0),
        generator_cpu_ratio=find_busiest(all_parts),
        generator_cpu_ratios={name: part.cpu_ratio for name, part in parts.items()},
        slices=tuple(_merge_slice(same) for same in zip(*(part.slices for part in all_parts), strict=True)),
        failure=failure,
    )
    return RoundDone(load=load, histogram=histogram.encode().decode())


def merge_histograms(encoded: Iterable[str]) -> HdrHistogram:
    """Add histograms up, count by count."""
    merged = new_histogram()
    for one in encoded:
        merged.add(HdrHistogram.decode(one))
    return merged


def find_busiest(parts: Iterable[PartDone]) -> float:
    """How near to its limit the load generator was.

    Returns CPU seconds per second of the busiest process; or of all processes of one machine, divided by the
    CPUs they share, if that is more; 0 without processes.
    """
    machines: dict[str, list[PartDone]] = {}
    for part in parts:
        machines.setdefault(part.machine, []).append(part)
    return max(
        (
            max(
                *(part.cpu_ratio for part in together),
                sum(part.cpu_ratio for part in together)
                / len({cpu for part in together for cpu in part.cpus}),
            )
            for together in machines.values()
        ),
        default=0.0,
    )


def _merge_slice(parts: Sequence[SlicePart]) -> Slice:
    histogram = merge_histograms(part.histogram for part in parts)
    requests = histogram.get_total_count()
    return Slice(
        requests=requests,
        errors=sum(part.errors for part in parts),
        p50_s=histogram.get_value_at_percentile(50) / 1e6 if requests else None,
        p99_s=histogram.get_value_at_percentile(99) / 1e6 if requests else None,
    )


def _percentiles(histogram: HdrHistogram) -> Latency | None:
    if not histogram.get_total_count():
        return None
    at = histogram.get_percentile_to_value_dict([50, 95, 99, 99.9])
    return Latency(
        p50=at[50] / 1e6,
        p95=at[95] / 1e6,
        p99=at[99] / 1e6,
        p999=at[99.9] / 1e6,
        max=histogram.get_max_value() / 1e6,
    )
