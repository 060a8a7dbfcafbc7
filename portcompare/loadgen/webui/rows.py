"""The side-by-side table: a row for each scenario and arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from portcompare.loadgen.figures import percentiles_of
from portcompare.loadgen.webui.ledger import BATCH_SECONDS, Total
from portcompare.records.estimates import Estimate
from portcompare.records.manifest import Ceiling
from portcompare.records.rounds import Bound
from portcompare.stats.bounds import Limits, find_bound
from portcompare.stats.intervals import paired_ratio
from portcompare.units import duration, rate, share, significant, size
from portcompare.units import ratio as ratio_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portcompare.loadgen.webui.ledger import Ledger, Line
    from portcompare.wire.ui_protocol import LiveSettings, UiArm, UiPlan

LEAST_PAIRS: Final = 5
"""Fewer pairs of batches say too little of how much the ratio varies."""

PERCENTS: Final = (50.0, 95.0, 99.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLoad:
    """What an arm's server has used in a test."""

    cpu_s: float  # CPU seconds since the test began, until it ended
    cores: float  # CPU seconds per second, now
    rss_bytes: int  # Resident memory now
    restarts: int  # How often it died and was started again


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one scenario did on one arm; None for what is not known."""

    scenario: str  # Name of the scenario
    arm: str  # Name of the arm
    is_baseline: bool  # Whether the others are compared with it
    requests: int  # Successful requests
    failures: int  # Failed requests
    rate_rps: float | None  # Successful requests per second, over the whole test
    percentiles_s: tuple[float, ...] | None  # Of their latencies: p50, p95 and p99
    pairs: int  # How many pairs of batches the ratio rests on
    ratio: Estimate | None  # Of the rates to the baseline's, with its interval
    bound: Bound | None  # The most that theory allows
    load: ArmLoad | None  # What the server used
    histogram: str  # The latencies, as a base64 encoded HdrHistogram in microseconds

    def as_json(self) -> dict[str, Any]:
        """The row for programs, in SI units, and as text for people."""
        at = dict(zip(("p50_s", "p95_s", "p99_s"), self.percentiles_s or (None, None, None), strict=True))
        return {
            "scenario": self.scenario,
            "arm": self.arm,
            "is_baseline": self.is_baseline,
            "requests": self.requests,
            "failures": self.failures,
            "rate_rps": self.rate_rps,
            **at,
            "ratio": self.ratio.point if self.ratio else None,
            "ratio_low": self.ratio.low if self.ratio else None,
            "ratio_high": self.ratio.high if self.ratio else None,
            "pairs": self.pairs,
            "bound_rps": self.bound.rate_rps if self.bound else None,
            "bound_name": self.bound.name if self.bound else None,
            "bound_share": self._bound_share(),
            "server_cores": self.load.cores if self.load else None,
            "server_rss_bytes": self.load.rss_bytes if self.load else None,
            "restarts": self.load.restarts if self.load else None,
            "histogram": self.histogram,
            "text": self._as_text(),
        }

    def _bound_share(self) -> float | None:
        return self.rate_rps / self.bound.rate_rps if self.bound and self.rate_rps is not None else None

    def _as_text(self) -> dict[str, str]:
        """What the page shows, to three significant digits; a dash for what is not known."""
        milliseconds = [significant(value_s * 1e3) for value_s in self.percentiles_s or ()] or ["-"] * 3
        bound_share = self._bound_share()
        return {
            "requests": f"{self.requests:,}",
            "failures": f"{self.failures:,}",
            "rate": rate(self.rate_rps) if self.rate_rps is not None else "-",
            "p50": milliseconds[0],
            "p95": milliseconds[1],
            "p99": milliseconds[2],
            "ratio": self._ratio_text(),
            "bound": (
                f"{share(bound_share)} of {rate(self.bound.rate_rps)}"
                if self.bound and bound_share is not None
                else "-"
            ),
            "bound_reason": f"{self.bound.name}: {self.bound.reason}" if self.bound else "not known",
            "cpu": f"{self.load.cores:.2f}" if self.load else "-",
            "rss": size(self.load.rss_bytes) if self.load else "-",
        }

    def _ratio_text(self) -> str:
        if self.is_baseline:
            return "baseline"
        if self.ratio is None or self.ratio.point is None or self.ratio.interval is None:
            return f"cannot tell ({self.pairs} of {LEAST_PAIRS} pairs)"
        low, high = map(ratio_text, self.ratio.interval)
        return f"{ratio_text(self.ratio.point)} [{low}, {high}]"


def make_rows(
    ledger: Ledger, plan: UiPlan, settings: LiveSettings | None, loads: Mapping[str, ArmLoad]
) -> tuple[Row, ...]:
    """Work out the table.

    `settings`: what is being loaded; None where nobody says so.
    """
    arms, scenarios = _chosen(ledger, plan, settings)
    answered = {arm.name: _requests_of(ledger, arm.name) for arm in arms}
    rows = []
    for scenario in scenarios:
        baseline = (scenario, arms[0].name)
        for arm in arms:
            line = (scenario, arm.name)
            total = ledger.totals.get(line, Total())
            pairs, ratio = find_ratio(ledger.batches, baseline, line)
            load, requests = loads.get(arm.name), answered[arm.name]
            cpu_s = load.cpu_s / requests if load and requests and arm.cpus else None
            rows.append(
                Row(
                    scenario=scenario,
                    arm=arm.name,
                    is_baseline=line == baseline,
                    requests=total.requests,
                    failures=total.failures,
                    rate_rps=total.requests / ledger.length_s if ledger.length_s else None,
                    percentiles_s=percentiles_of(total.histogram, PERCENTS) if total.requests else None,
                    pairs=pairs,
                    ratio=ratio if line != baseline else None,
                    bound=_find_bound(cpu_s, arm, plan, settings),
                    load=load,
                    histogram=total.histogram.encode().decode(),
                )
            )
    return tuple(rows)


def _chosen(
    ledger: Ledger, plan: UiPlan, settings: LiveSettings | None
) -> tuple[list[UiArm], tuple[str, ...]]:
    """The arms and scenarios that are loaded; where nobody says so, those of which something was counted."""
    if settings is not None:
        return [arm for arm in plan.arms if arm.name in settings.arms], settings.scenarios
    counted = {arm for _, arm in ledger.totals}
    arms = [arm for arm in plan.arms if arm.name in counted]
    return arms, tuple(sorted({scenario for scenario, _ in ledger.totals})) if arms else ()


def _requests_of(ledger: Ledger, arm: str) -> int:
    return sum(total.requests for (_, other), total in ledger.totals.items() if other == arm)


def find_ratio(
    batches: Iterable[Mapping[Line, int]], baseline: Line, candidate: Line
) -> tuple[int, Estimate | None]:
    """The ratio of two lines' rates, from what both did in the same seconds.

    Returns how many pairs there are, and the ratio with its 95% interval; None with too few pairs.
    """
    both = [(batch.get(baseline, 0), batch.get(candidate, 0)) for batch in batches]
    pairs = [pair for pair in both if all(pair)]  # nothing can be said of a ratio with nothing
    if len(pairs) < LEAST_PAIRS:
        return len(pairs), None
    return len(pairs), paired_ratio([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def explain(settings: LiveSettings | None) -> str:
    """Say what the table and its ratios mean.

    `settings`: what is being loaded; None where nobody says so.
    """
    schedule = (
        f"Each arm gets the same {rate(settings.rate_rps)} at the same instants"
        if settings and settings.model == "open"
        else "Each arm gets the same number of users at the same time"
    )
    return (
        f"{schedule}, and all arms share this machine: what one takes, another lacks. A ratio pairs what an "
        f"arm and the baseline did in the same {BATCH_SECONDS} seconds; its 95% interval takes such pairs as "
        f"independent, and needs {LEAST_PAIRS} of them. Verdicts come from a run, which loads one arm after "
        "the other on fresh servers."
    )


def _find_bound(
    cpu_s_per_request: float | None, arm: UiArm, plan: UiPlan, settings: LiveSettings | None
) -> Bound | None:
    """The bound of a scenario that is alone; of several at once nobody knows who takes what."""
    if settings is None or len(settings.scenarios) != 1:
        return None
    scenario = plan.scenarios[settings.scenarios[0]]
    is_open = settings.model == "open"
    ceiling = arm.ceilings.get(scenario.name, Ceiling(slots=None))
    limits = Limits(
        concurrency=settings.users,
        offered_rps=settings.rate_rps if is_open else None,
        slots=ceiling.slots,
        slot_noun=ceiling.noun,
        delay_s=scenario.delay_s if settings.delay_s is None else settings.delay_s,
        server_cpus=arm.cpus,
    )
    return find_bound(cpu_s_per_request, limits)


def describe(settings: LiveSettings, plan: UiPlan) -> str:
    """What is loaded and how, in words."""
    names = ", ".join(settings.scenarios)
    load = f"{settings.users} users" if settings.model == "closed" else f"{rate(settings.rate_rps)}"
    delays_s = {plan.scenarios[name].delay_s for name in settings.scenarios}
    delay_s = settings.delay_s if settings.delay_s is not None else max(delays_s)
    return f"{names}: {load} on each of {len(settings.arms)} arms, delay {duration(delay_s)}"
