"""A whole run: what `results.json` holds and every report is made from.

Units are in the names; seconds and bytes throughout. What is not known is `None`, never zero.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from portcompare.records.diagnosis import Advice
from portcompare.records.estimates import Comparison, Estimate
from portcompare.records.manifest import Manifest
from portcompare.records.metrics import MetricName
from portcompare.records.pages import LoadKind, Pages
from portcompare.records.parity import Parity
from portcompare.records.rounds import Bound, Latency, Round, WorkerChange
from portcompare.records.sweeps import Sweeps
from portcompare.records.work import Work

CheckOutcome = Literal["kept", "broken", "inconclusive", "not judged"]
ClaimVerdict = Literal["true", "false", "depends", "cannot tell"]
IfInconclusive = Literal["pass", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one side of a check looks at: one arm at one level of a scenario, or with one page."""

    arm: str  # "baseline", "control" or a candidate; of a gate, the deployment
    level: float  # The scenario's level, 0 for any; or the users met by the page: 0 for none
    scenario: str | None = None  # Name of the scenario; None for a page
    page: str | None = None  # Name of the page; None for a scenario
    load: LoadKind | None = None  # Which load of the page; None for a scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One limit on one estimate, and whether it is kept."""

    name: str  # Under which circumstances it decides; empty for a gate
    metric: MetricName | Literal["lcp"]  # What is compared
    subject: Subject  # Whose value is looked at
    reference: Subject | None  # What it is divided by; None for a value itself, or a stored run
    against: str | None = None  # The stored run that it is divided by, as the plan names it
    relative: bool = False  # Whether the ratio is of ratios to the baseline, in this and in the stored run
    at_least: float | None  # The least that the estimate may be; None for no such limit
    at_most: float | None  # The most that it may be; None for no such limit
    value: Estimate  # The ratio, or the value in the metric's unit
    # "kept" or "broken" if the whole interval says so, "inconclusive" if it crosses a limit, "not judged" if
    # there is no interval, or none to rely on
    outcome: CheckOutcome
    reason: str  # Why the outcome is what it is, in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate at one level, and whether it lets the run pass."""

    check: CheckResult  # What was checked
    inconclusive: IfInconclusive  # What it means for the gate if the interval crosses a limit
    passed: bool  # Whether the gate lets the run pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimResult:
    """A claim, and what its checks say of it."""

    name: str  # Its name in the plan
    text: str  # What is claimed
    # "true" or "false" if all its checks say so, "depends" if some say true and some false, "cannot tell" if
    # those that are decided agree, but not all are decided
    verdict: ClaimVerdict
    reason: str  # What it depends on, or what is undecided; empty otherwise
    checks: tuple[CheckResult, ...]  # What decided it


RESULTS_FILE = "results.json"
SCHEMA_VERSION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What one arm did at one level, as medians over its rounds; None for what is not known."""

    arm: str  # Name of the arm
    deployment: str  # Name of the deployment
    scenario: str  # Name of the scenario
    level: float  # The level
    rounds: int  # How many rounds counted
    discarded_rounds: int  # How many did not
    requests: int  # Successful requests in the rounds that counted
    errors: int  # Failed requests in all rounds, discarded ones too
    rate_rps: float | None  # Median of the rounds' rates
    latency_s: Latency | None  # Medians of the rounds' percentiles
    handler_s: float | None  # Median time in the handler
    outside_handler_s: float | None  # The rest of the median response time: queue, server and network
    received_bytes_per_request: float | None  # Median size of a response
    cpu_s_per_request: float | None  # Median CPU seconds per request
    rss_peak_bytes: int | None  # Highest resident memory of any round
    bound: Bound | None  # The bound at the median CPU time per request
    bound_share: float | None  # Median rate divided by the bound; edges of windows may put it above 1
    ratio: Estimate | None  # Its throughput divided by the baseline's; None where nothing was compared
    censored: int = 0  # Requests without a response when the wait for it ended, in all rounds
    cost_per_million: float | None = None  # CPU time of a million requests in the plan's currency
    # By throughput among all deployments at this level, 1 for the highest; those whose intervals lie no
    # further apart than the margin share one. None where there are fewer than two candidates to rank
    rank: int | None = None
    queue_s: float | None = None  # By how much `outside_handler_s` is longer than at one user: waiting
    overhead_s: float | None = None  # The rest of it: the server's own work and the network


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumPoint:
    """One percentile of a distribution."""

    quantile: float  # The part of the requests that took at most so long, from 0 to 1
    latency_s: float  # The response time
    rank: int  # How many requests that is


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """How long the successful requests of one arm at one level took, merged exactly over its rounds."""

    scenario: str  # Name of the scenario
    level: float  # The level
    arm: str  # Name of the arm
    requests: int  # How many requests it rests on
    # Percentiles up to p99.99, rising; only those beyond which at least one request lies
    points: tuple[SpectrumPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The result of a scenario's comparisons for one candidate, in plain sentences."""

    scenario: str
    candidate: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A whole run: what `results.json` holds and every report is made from."""

    schema_version: int  # Of this very form
    name: str  # Of the plan
    started_at: str  # ISO 8601, UTC
    duration_s: float  # From the start, or the last worker's joining, to the last comparison of responses
    measured_s: float  # The sum of all windows
    partial: bool  # True if the run was interrupted or broke off
    valid: bool  # False if the comparison must not be relied on
    invalid_reasons: tuple[str, ...]  # Why
    stop_reason: str  # Why no more was measured
    warnings: tuple[str, ...]  # What a careful reader should know
    headline: str  # The answer in plain words: whether the candidates are better, and where
    plan: dict[str, Any]  # The plan, with every default filled in
    manifest: Manifest  # The conditions
    parity: Parity | None  # The responses, before and after the load; None if the run ended before
    rounds: tuple[Round, ...]  # All rounds, discarded ones too
    comparisons: tuple[Comparison, ...]  # Each candidate and the control against the baseline
    summaries: tuple[Summary, ...]  # One for each arm and level
    conclusions: tuple[Conclusion, ...]  # In sentences
    sweeps: Sweeps = field(default_factory=Sweeps)  # What was found by varying the load
    gates: tuple[GateResult, ...] = ()  # The plan's gates, one for each level
    spectra: tuple[Spectrum, ...] = ()  # How the response times of each arm at each level are distributed
    pages: Pages = field(default_factory=Pages)  # What a browser measured
    claims: tuple[ClaimResult, ...] = ()  # The plan's claims
    # How many comparisons were made, which differences hold among them, and what the control shows
    evidence: str = ""
    # When it was resumed, each time; ISO 8601, UTC. The time between does not count, nor do rounds of blocks
    # that were not whole when it was interrupted or broke off
    resumed_at: tuple[str, ...] = ()
    workers: tuple[WorkerChange, ...] = ()  # Load workers that were lost, joined or refused in its course
    # What to do, three pieces at most; none of a run that is partial or not valid
    advice: tuple[Advice, ...] = ()
    work: Work | None = None  # Instructions per request; None where the plan has no [work]
