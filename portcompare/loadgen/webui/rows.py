"""The side-by-side table: a row for each scenario and arm, in SI units and as text."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from portcompare.loadgen.figures import percentiles_of
from portcompare.loadgen.webui.ledger import BATCH_SECONDS, Ledger, Line, Total
from portcompare.records.estimates import Estimate
from portcompare.records.manifest import Ceiling
from portcompare.records.rounds import Bound, Usage
from portcompare.stats.bounds import Limits, find_bound
from portcompare.stats.intervals import paired_ratio
from portcompare.units import count, duration, rate, share, significant, size
from portcompare.units import ratio as ratio_text
from portcompare.wire.protocol import LiveSettings, UiArm, UiPlan

LEAST_PAIRS: Final = 5  # fewer pairs of batches do not show how much the ratio varies
_PERCENTILES: Final = {"p50": 50.0, "p95": 95.0, "p99": 99.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUse:
    """What an arm's server has used in a test."""

    cpu_s: float  # From the start of the test to its end
    cores: float  # CPU seconds per second, now
    usage: Usage


def make_rows(
    ledger: Ledger, plan: UiPlan, settings: LiveSettings | None, uses: Mapping[str, ServerUse]
) -> list[dict[str, Any]]:
    """Make the table; in each row None stands for what is not known.

    `settings`: what is loaded; None if not known: then the rows are those of which something was counted.
    """
    if settings is not None:
        arms, scenarios = [arm for arm in plan.arms if arm.name in settings.arms], settings.scenarios
    else:
        counted = {arm for _, arm in ledger.totals}
        arms = [arm for arm in plan.arms if arm.name in counted]
        scenarios = tuple(sorted({scenario for scenario, _ in ledger.totals})) if arms else ()
    requests: Counter[str] = Counter()
    for (_, name), total in ledger.totals.items():
        requests[name] += total.requests
    rows = []
    for scenario in scenarios:
        for arm in arms:
            use = uses.get(arm.name)
            cpu_s = use.cpu_s / requests[arm.name] if use and requests[arm.name] and arm.cpus else None
            bound = _find_bound(cpu_s, arm, plan, settings)
            row = _make_row(ledger, (scenario, arms[0].name), (scenario, arm.name), bound, use)
            if settings:
                row["users"] = settings.users
                row["text"]["users"] = f"{settings.users:,}"
            if settings and settings.model == "open":
                row |= _offered(ledger, (scenario, arm.name))
                row["text"]["offered"] = "-" if row["offered_rps"] is None else rate(row["offered_rps"])
                row["text"]["backlog"] = f"{row['backlog']:,}"
            rows.append(row)
    return rows


def sum_up(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What all rows come to together, as text."""
    sums = {
        key: sum(known) if (known := [row[key] for row in rows if row.get(key) is not None]) else None
        for key in ("users", "requests", "failures", "rate_rps", "offered_rps", "backlog")
    }
    rates = {"rate_rps": "rate", "offered_rps": "offered"}
    return {
        rates.get(key, key): rate(value) if key in rates else f"{value:,}"
        for key, value in sums.items()
        if value is not None
    }


def _offered(ledger: Ledger, line: Line) -> dict[str, Any]:
    """How many requests of an open load were due, and how many of them still wait for a connection."""
    due = ledger.totals.get(line, Total()).due
    return {
        "offered_rps": due / ledger.length_s if ledger.length_s else None,
        "backlog": ledger.backlog(line),
    }


def _make_row(
    ledger: Ledger, baseline: Line, line: Line, bound: Bound | None, use: ServerUse | None
) -> dict[str, Any]:
    total = ledger.totals.get(line, Total())
    rate_rps = total.requests / ledger.length_s if ledger.length_s else None
    percentiles_s = (
        dict.fromkeys(_PERCENTILES)
        if not total.requests
        else dict(
            zip(_PERCENTILES, percentiles_of(total.histogram, tuple(_PERCENTILES.values())), strict=True)
        )
    )
    pairs, ratio = find_ratio(ledger.batches, baseline, line)
    ratio_cell = f"cannot tell ({pairs} of {LEAST_PAIRS} pairs)"
    if line == baseline:
        ratio, ratio_cell = None, "baseline"
    elif ratio and ratio.point is not None and ratio.interval is not None:
        ratio_cell = f"{ratio_text(ratio.point)} [{', '.join(map(ratio_text, ratio.interval))}]"
    bound_share, bound_cell = None, "-"
    if bound and rate_rps is not None:
        bound_share = rate_rps / bound.rate_rps
        bound_cell = f"{share(bound_share)} of {rate(bound.rate_rps)}"
    return {
        "scenario": line[0],
        "arm": line[1],
        "is_baseline": line == baseline,
        "requests": total.requests,
        "failures": total.failures,
        "rate_rps": rate_rps,
        **{f"{name}_s": value_s for name, value_s in percentiles_s.items()},
        "ratio": ratio.point if ratio else None,
        "ratio_low": ratio.low if ratio else None,
        "ratio_high": ratio.high if ratio else None,
        "pairs": pairs,
        "bound_rps": bound.rate_rps if bound else None,
        "bound_name": bound.name if bound else None,
        "bound_share": bound_share,
        "server_cores": use.cores if use else None,
        "server_rss_bytes": use.usage.rss_bytes if use else None,
        "restarts": use.usage.restarts if use else None,
        "histogram": total.histogram.encode().decode(),
        "text": {
            "requests": f"{total.requests:,}",
            "failures": f"{total.failures:,}",
            "rate": "-" if rate_rps is None else rate(rate_rps),
            **{
                name: "-" if value_s is None else significant(value_s * 1e3)
                for name, value_s in percentiles_s.items()
            },
            "ratio": ratio_cell,
            "bound": bound_cell,
            "bound_reason": f"{bound.name}: {bound.reason}" if bound else "not known",
            "cpu": f"{use.cores:.2f}" if use else "-",
            "rss": size(use.usage.rss_bytes) if use else "-",
        },
    }


def find_ratio(
    batches: Iterable[Mapping[Line, int]], baseline: Line, candidate: Line
) -> tuple[int, Estimate | None]:
    """The number of pairs of batches, and the ratio of the rates with its 95% interval; None with too few."""
    both = [(batch.get(baseline, 0), batch.get(candidate, 0)) for batch in batches]
    pairs = [pair for pair in both if all(pair)]  # a ratio with zero has no meaning
    if len(pairs) < LEAST_PAIRS:
        return len(pairs), None
    return len(pairs), paired_ratio([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def _find_bound(
    cpu_s_per_request: float | None, arm: UiArm, plan: UiPlan, settings: LiveSettings | None
) -> Bound | None:
    """The bound of the only scenario; with several at once, the CPU time of each is not known."""
    if settings is None or len(settings.scenarios) != 1:
        return None
    scenario = plan.scenarios[settings.scenarios[0]]
    ceiling = arm.ceilings.get(scenario.name, Ceiling(slots=None))
    limits = Limits(
        concurrency=settings.users,
        offered_rps=settings.rate_rps if settings.model == "open" else None,
        slots=ceiling.slots,
        slot_noun=ceiling.noun,
        delay_s=scenario.delay_s if settings.delay_s is None else settings.delay_s,
        server_cpus=arm.cpus,
    )
    return find_bound(cpu_s_per_request, limits)


def describe(settings: LiveSettings, plan: UiPlan) -> str:
    """What is loaded, and how."""
    is_closed, scenarios = settings.model == "closed", len(settings.scenarios)
    each = count(settings.users, "user") if is_closed else rate(settings.rate_rps)
    where = settings.arms[0] if len(settings.arms) == 1 else f"each of {len(settings.arms)} deployments"
    text = f"{', '.join(settings.scenarios)}: {each}{' each,' if scenarios > 1 else ''} on {where}"
    lines = scenarios * len(settings.arms)
    if lines > 1:
        total = f"{settings.users * lines:,}" if is_closed else rate(settings.rate_rps * lines)
        text += f" ({total} in total)"
    delays_s = [plan.scenarios[name].delay_s for name in settings.scenarios]
    delay_s = max(delays_s) if settings.delay_s is None else settings.delay_s
    return f"{text}, delay {duration(delay_s)}" if delay_s else text


def explain(settings: LiveSettings | None) -> str:
    """What the table and its ratios mean."""
    load = "the same number of users at the same time"
    if settings and settings.model == "open":
        load = f"the same {rate(settings.rate_rps)} at the same instants"
    return (
        f"Each deployment gets {load}, and all share this machine: what one uses, the others lack. A ratio "
        f"pairs what a deployment and the baseline did in the same {BATCH_SECONDS} seconds; its 95% interval "
        f"assumes that such pairs are independent, and needs {LEAST_PAIRS} of them. Verdicts come from a "
        "run, which loads one deployment after the other on fresh servers"
        + (": Measure properly ends this test and starts one." if settings else ".")
    )
