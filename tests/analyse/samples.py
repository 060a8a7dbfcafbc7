"""Records that are right, to be changed by tests with `dataclasses.replace`."""

from collections.abc import Sequence

from portcompare import units
from portcompare.records.diagnosis import Advice
from portcompare.records.estimates import Comparison, Estimate
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.parity import Parity
from portcompare.records.results import Summary
from portcompare.records.rounds import BASELINE, Bound, Latency, LoadReport, Round, Turn, Usage
from tests.altered import altered

CANDIDATE = "new"

MARGINS: dict[MetricName, float] = dict.fromkeys(METRICS, 0.05)

LATENCY = Latency(p50=0.010, p95=0.020, p99=0.030, p999=0.040, max=0.050)

BOUND = Bound(name="server CPU", rate_rps=2000.0, reason="1 CPU at 500 us a request")

ROUND = Round(
    block=0,
    arm=BASELINE,
    deployment="old",
    scenario="fast",
    level=4.0,
    order=0,
    load=LoadReport(
        started_at_s=0.0,
        window_s=1.0,
        warmup_s=0.25,
        steady=True,
        requests=1000,
        error_kinds={},
        rate_rps=1000.0,
        latency_s=LATENCY,
        handler_s=0.004,
        received_bytes_per_request=200.0,
        offered_rps=None,
        dropped=0,
        lag_p99_s=None,
        lag_max_s=None,
        stall_max_s=0.002,
        generator_cpu_ratio=0.3,
        generator_cpu_ratios={"1": 0.3},
        reconnects=0,
        slices=(),
    ),
    usage=Usage(cpu_s=0.0005 * 1.0 * 1000.0, rss_bytes=50_000_000),
    bound=BOUND,
)

ADVICE = Advice(
    text="Give old 64 threads instead of 8: up to 4.0x the rate",
    evidence="requests wait",
    gain=4.0,
    effort="setting",
    deployment="old",
    scenario="slow",
    change={"threads": 64},
)

TURN = Turn(
    cycle=0,
    started_at_s=0.0,
    duration_s=1.0,
    requests=1000,
    errors=0,
    rate_rps=1000.0,
    p50_s=0.01,
    generator_cpu_ratio=0.3,
    stall_max_s=0.002,
)

COMPARISON = Comparison(
    scenario="fast",
    level=4.0,
    metric="throughput",
    candidate=CANDIDATE,
    ratio=Estimate(
        point=1.0,
        low=0.99,
        high=1.01,
        blocks=5,
        verdict="equivalent",
        reason="the interval lies wholly inside the equivalence margin of 5.00%",
    ),
)

SUMMARY = Summary(
    arm=BASELINE,
    deployment="old",
    scenario="fast",
    level=4.0,
    rounds=5,
    discarded_rounds=0,
    requests=5000,
    errors=0,
    rate_rps=1000.0,
    latency_s=LATENCY,
    handler_s=0.004,
    outside_handler_s=0.006,
    received_bytes_per_request=200.0,
    cpu_s_per_request=0.0005,
    rss_peak_bytes=50_000_000,
    bound=BOUND,
    bound_share=0.5,
    ratio=None,
)

PARITY = Parity(verdict="alike", cases=3, deployments=(CANDIDATE,), differences=())


def rounds_of(arm: str, rates_rps: Sequence[float]) -> list[Round]:
    """A round a block, from block 0 on, that differ in their rates alone."""
    return [
        altered(ROUND, arm=arm, deployment=arm, block=block, rate_rps=rate_rps)
        for block, rate_rps in enumerate(rates_rps)
    ]


def in_users(scenario: str, level: float) -> str:
    """Words levels as those of a closed load."""
    assert scenario
    return units.level(level, "closed")


def own_bound(one: Round, _: float | None) -> Bound | None:
    """The bound of a round alone, whatever CPU time others took."""
    return one.bound
