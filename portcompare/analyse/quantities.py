"""What a run measured, quantity by quantity, with its interval: what a history keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.analyse.comparisons import metric_of
from portcompare.records.results import CONTROL, METRICS, Metric
from portcompare.stats.intervals import LEAST_BLOCKS, RatioInterval, paired_ratio

if TYPE_CHECKING:
    from portcompare.records.results import Results, Round


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One quantity of one deployment."""

    scenario: str  # Name of the scenario
    level: float  # The level
    metric: Metric  # What was measured
    deployment: str  # Name of the deployment
    blocks: int  # How many blocks it rests on
    value: float  # The geometric mean over the blocks, the outermost cut off, in the metric's unit
    low: float  # Lower end of its 95% interval
    high: float  # Upper end
    ratio: float | None  # Divided by the baseline's; None for the baseline, and where it cannot be told
    ratio_low: float | None  # Lower end of the ratio's 95% interval
    ratio_high: float | None  # Upper end


def find_quantities(results: Results) -> tuple[Quantity, ...]:
    """List what a run measured."""
    ratios = {(c.scenario, c.level, c.candidate, c.metric): c for c in results.comparisons}
    measured: dict[tuple[str, float, str], list[Round]] = {}
    for one in results.rounds:
        if one.void is None:
            measured.setdefault((one.scenario, one.level, one.arm), []).append(one)
    found = []
    for summary in results.summaries:
        if summary.arm == CONTROL:
            continue
        rounds = measured.get((summary.scenario, summary.level, summary.arm), [])
        for metric in METRICS:
            values = [value for one in rounds if (value := metric_of(one, metric)) is not None]
            if len(values) < LEAST_BLOCKS:
                continue
            own = _mean(values)
            compared = ratios.get((summary.scenario, summary.level, summary.arm, metric))
            found.append(
                Quantity(
                    scenario=summary.scenario,
                    level=summary.level,
                    metric=metric,
                    deployment=summary.deployment,
                    blocks=len(values),
                    value=own.ratio,
                    low=own.low,
                    high=own.high,
                    ratio=None if compared is None else compared.ratio,
                    ratio_low=None if compared is None else compared.low,
                    ratio_high=None if compared is None else compared.high,
                )
            )
    return tuple(found)


def _mean(values: list[float]) -> RatioInterval:
    """The values' own mean: their ratio to nothing but one."""
    return paired_ratio([1.0] * len(values), values)
