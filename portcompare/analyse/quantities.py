"""What a run measured, quantity by quantity, with its interval: what a history keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.records.estimates import Estimate
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.rounds import CONTROL
from portcompare.stats.intervals import LEAST_BLOCKS, paired_ratio

if TYPE_CHECKING:
    from portcompare.records.results import Results
    from portcompare.records.rounds import Round


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One quantity of one deployment."""

    scenario: str  # Name of the scenario
    level: float  # The level
    metric: MetricName  # What was measured
    deployment: str  # Name of the deployment
    # The geometric mean over the blocks, the outermost cut off, in the metric's unit
    value: Estimate
    ratio: Estimate | None  # Divided by the baseline's; None for the baseline, and where nothing was compared


def find_quantities(results: Results) -> tuple[Quantity, ...]:
    """List what a run measured."""
    ratios = {(c.scenario, c.level, c.candidate, c.metric): c.ratio for c in results.comparisons}
    measured: dict[tuple[str, float, str], list[Round]] = {}
    for one in results.rounds:
        if one.discarded is None:
            measured.setdefault((one.scenario, one.level, one.arm), []).append(one)
    found = []
    for summary in results.summaries:
        if summary.arm == CONTROL:
            continue
        rounds = measured.get((summary.scenario, summary.level, summary.arm), [])
        for name, metric in METRICS.items():
            values = [value for one in rounds if (value := metric.value(one)) is not None]
            if len(values) >= LEAST_BLOCKS:
                found.append(
                    Quantity(
                        scenario=summary.scenario,
                        level=summary.level,
                        metric=name,
                        deployment=summary.deployment,
                        value=paired_ratio([1.0] * len(values), values),  # their mean: the ratio to one
                        ratio=ratios.get((summary.scenario, summary.level, summary.arm, name)),
                    )
                )
    return tuple(found)
