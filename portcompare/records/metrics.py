"""The one table of what is measured: to add a metric is to add a line here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from portcompare import units
from portcompare.records.rounds import Round, Turn

RoundMetric = Literal["throughput", "p50", "p95", "p99", "cpu_s_per_request"]
MetricName = Literal[RoundMetric, "instructions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A quantity that arms are compared in."""

    label: str  # What tables call it
    noun: str  # What sentences call it
    value: Callable[[Round], float | None]  # Takes it from a round; None where it is not known
    # Takes it from a turn, so that arms are compared cycle by cycle; None where only a whole round has enough
    # requests
    turn_value: Callable[[Turn], float | None] | None = None
    unit: str  # The unit of its axes
    per_unit: float  # How many of these units one SI unit has
    show: Callable[[float], str]  # Writes a value for people
    higher_is_better: bool = False
    better: str = "faster"  # What a verdict calls an arm that is better in it
    worse: str = "slower"
    least_requests: int  # Requests that a round must have for it to mean something
    margin: float  # The equivalence margin unless the plan sets another
    in_headline: bool = False  # Whether the headline and the control are judged by it
    is_counted: bool = False  # Whether it is counted beside the load, and no round has it
    needs_usage: bool = False  # Whether it is known only of servers whose processes can be seen

    @property
    def goal(self) -> str:
        """Which direction is better, in words."""
        return f"{'more' if self.higher_is_better else 'less'} is better"

    def word(self, verdict: str) -> str:
        """What a verdict on this metric is called."""
        return {"faster": self.better, "slower": self.worse}.get(verdict, verdict)


def _percentile(name: Literal["p50", "p95", "p99"], **settings: Any) -> Metric:  # noqa: ANN401 - Metric's
    return Metric(
        label=f"Response time {name}",
        value=lambda one: getattr(one.load.latency_s, name, None),
        unit="milliseconds",
        per_unit=1e3,
        show=units.duration,
        **settings,
    )


METRICS: dict[MetricName, Metric] = {
    "throughput": Metric(
        label="Throughput",
        noun="throughput",
        value=lambda one: one.load.rate_rps or None,
        turn_value=lambda turn: turn.served,
        unit="requests per second",
        per_unit=1.0,
        show=units.rate,
        higher_is_better=True,
        least_requests=0,
        margin=0.05,
        in_headline=True,
    ),
    "p50": _percentile(
        "p50",
        turn_value=lambda turn: turn.p50_s,
        noun="median response time",
        least_requests=2,
        margin=0.05,
        in_headline=True,
    ),
    "p95": _percentile("p95", noun="response time's p95", least_requests=20, margin=0.1),
    "p99": _percentile("p99", noun="response time's p99", least_requests=100, margin=0.1),
    "cpu_s_per_request": Metric(
        label="CPU time per request",
        noun="CPU time per request",
        value=lambda one: one.cpu_s_per_request or None,
        turn_value=lambda turn: turn.cpu_s_per_request or None,
        unit="us per request",
        per_unit=1e6,
        show=units.duration,
        better="cheaper",
        worse="dearer",
        least_requests=20,
        margin=0.05,
        needs_usage=True,
    ),
    "instructions": Metric(
        label="Instructions per request",
        noun="instructions per request",
        value=lambda _: None,
        unit="instructions per request",
        per_unit=1.0,
        show=units.instructions,
        better="cheaper",
        worse="dearer",
        least_requests=0,
        margin=0.01,
        is_counted=True,
    ),
}
"""Every metric by its name in plans and results. A tail varies more, so its margin is wider."""

HEADLINE_METRICS = tuple(name for name, metric in METRICS.items() if metric.in_headline)
"""What the headline speaks of, what the control is held to, and what must be known before a level is done."""


def round_metrics() -> list[MetricName]:
    """What every round has."""
    return [name for name, metric in METRICS.items() if not metric.is_counted]
