"""The frozen records at which the stages meet, and which `results.json` is made of.

Units are in the names; seconds and bytes throughout. `None` stands for "not known" and is said to be,
never shown as zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Base64Bytes

from portcompare.records import metrics as _words
from portcompare.records.checks import ClaimResult, GateResult
from portcompare.records.manifest import Manifest
from portcompare.records.pages import Pages
from portcompare.records.parity import Parity
from portcompare.records.spectra import Spectrum
from portcompare.records.sweeps import Sweeps

SCHEMA_VERSION = 1

BASELINE = "baseline"
CONTROL = "control"

Verdict = _words.Verdict
Metric = _words.Metric
METRICS = _words.METRICS


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSpec:
    """One HTTP request, as the plan or a locustfile declares it."""

    name: str  # What it is called in tables; requests that differ in a value of the user's only may share it
    method: str = "GET"  # The HTTP method
    target: str = "/"  # Path and query, as they stand in the request line
    headers: tuple[tuple[str, str], ...] = ()  # Name and value pairs beside those the client must send
    body: Base64Bytes = b""  # The body's bytes; empty for none
    # What a user does once before it asks this; what these steps keep fills the `{name}` placeholders of the
    # target, the headers and the body. Without steps, braces are just braces
    login: tuple[LoginStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginStep:
    """A step that a user does once before it asks."""

    request: RequestSpec  # What it sends
    # For each value that is kept of the answer, its name and where it stands: "json:" and a JSON pointer,
    # "header:" and a name, or "cookie:" and a name
    keep: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What every answer under load must look like: what parity approved."""

    status: int  # The HTTP status code
    # The body's bytes in base64, the server's own address in them replaced by `{server}`; None where it is
    # not checked, because it differs by itself from answer to answer
    body_base64: str | None
    # JSON pointers to values of the body that differ by themselves and are not compared
    masked: tuple[str, ...] = ()
    own_address: bool = False  # Whether the body names the server's own address


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side of the comparison."""

    name: str  # "baseline", "control", or the candidate's deployment name
    deployment: str  # The deployment's name in the plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Percentiles of the response time of the successful requests of a round, in seconds."""

    p50: float
    p95: float
    p99: float
    p999: float
    max: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of a round's window; all parts are as long."""

    requests: int  # Successful requests that ended inside it
    errors: int  # Failed requests that ended inside it
    p50_s: float | None  # Median latency; None without a success
    p99_s: float | None  # The 99th percentile; None without a success


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The most that theory allows, and the name of what sets it."""

    name: str  # "slots", "server CPU", "users" or "connections"; "offered" if less than these was asked for
    rate_rps: float  # Requests per second
    reason: str  # The bound in words, with its figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One measured interval of one arm at one level: the unit of statistics."""

    block: int  # Number of the block, from 0
    arm: str  # Name of the arm
    deployment: str  # Name of the deployment
    scenario: str  # Name of the scenario
    level: float  # Users (closed model) or requests per second (open model)
    order: int  # The round's place in its block, from 0
    started_at_s: float  # Start of the window, in seconds since the epoch
    window_s: float  # Length of the window that was cut out of the steady state
    warmup_s: float  # What was discarded before it
    steady: bool  # Whether the rate was steady when it opened
    requests: int  # Successful requests that ended inside the window
    errors: int  # Failed requests that ended inside the window
    error_kinds: dict[str, int]  # The failures by kind
    rate_rps: float  # Successful requests per second, the window's edges smoothed so that waves count exactly
    latency_s: Latency | None  # Their latencies; None without a success
    # Median of the time in the handler, as the server's own `Server-Timing: app` tells it on sampled answers;
    # None where it does not
    handler_s: float | None
    # Size of an answer on the wire, headers included; of a user class that is no `LeanUser` what its client
    # says, the body as a rule; None without a success or a byte
    received_bytes_per_request: float | None
    # CPU seconds of the whole server per successful request; None if not known
    cpu_s_per_request: float | None
    rss_peak_bytes: int | None  # Highest resident memory of the server's process tree; None if not known
    # Requests that fell due inside the window, per second; None in the closed model
    offered_rps: float | None
    # Requests given up inside the window because no connection had become free within the time limit; among
    # the errors too
    dropped: int
    # How late the load generator was for a request that was due, in the 99th percentile: until it was sent,
    # or until it began to wait for a free connection; None in the closed model
    lag_p99_s: float | None
    lag_max_s: float | None  # The same at worst
    stall_max_s: float  # The longest that the load generator's event loop was late for a heartbeat
    # CPU seconds per second of the load generator's busiest process, or of all those of a machine divided by
    # the CPUs they share, if that is more
    generator_cpu_ratio: float
    # The CPU seconds per second of each process of the load generator by its name
    generator_cpu_ratios: dict[str, float]
    reconnects: int  # Connections made inside the window because the server had ended the one before
    slices: tuple[Slice, ...]  # The window in ten parts, or in seconds if these are shorter
    bound: Bound | None = None  # The most that theory allows this round; None without a success
    void: str | None = None  # Why the round does not count; None if it does


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Candidate against baseline in one metric at one level."""

    scenario: str  # Name of the scenario
    level: float  # The level
    metric: Metric  # What is compared
    candidate: str  # Name of the candidate's arm; "control" for the control
    blocks: int  # How many blocks the interval rests on
    ratio: float | None  # Candidate divided by baseline; None where it cannot be told
    low: float | None  # Lower end of the 95% interval; None where it cannot be told
    high: float | None  # Upper end of the 95% interval; None where it cannot be told
    verdict: Verdict  # In words; "faster" means better in this metric
    reason: str  # Why the verdict is what it is, in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What one arm did at one level, as medians over its rounds; None for what is not known."""

    arm: str  # Name of the arm
    deployment: str  # Name of the deployment
    scenario: str  # Name of the scenario
    level: float  # The level
    rounds: int  # How many rounds counted
    voided: int  # How many did not
    requests: int  # Successful requests in the rounds that counted
    errors: int  # Failed requests in all rounds, void ones too
    rate_rps: float | None  # Median of the rounds' rates
    latency_s: Latency | None  # Medians of the rounds' percentiles
    handler_s: float | None  # Median time in the handler
    outside_handler_s: float | None  # The rest of the median response time: queue, server and network
    received_bytes_per_request: float | None  # Median size of an answer
    cpu_s_per_request: float | None  # Median CPU seconds per request
    rss_peak_bytes: int | None  # Highest resident memory of any round
    bound: Bound | None  # The bound at the median CPU time per request
    # Median rate divided by the bound; above 1 by what edges of windows and backlogs add
    bound_share: float | None
    verdict: Verdict | None  # Of this arm's throughput against the baseline; None for the baseline itself
    # What the CPU time of a million requests costs, in the plan's currency; None if that is not known or the
    # plan names no price
    cost_per_million: float | None = None
    # The part of that in which a request waits for others: by how much it is longer than at one user, where
    # nobody waits; None where that was not measured
    queue_s: float | None = None
    overhead_s: float | None = None  # The other part: the server's own work and the network


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a scenario's comparisons come to, in one plain sentence for each candidate."""

    scenario: str
    candidate: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A whole run: what `results.json` holds and every report is made from."""

    schema_version: int  # Of this very form
    name: str  # Of the plan
    started_at: str  # ISO 8601, UTC
    # From the command's start, or the last worker's joining, to the last comparison of answers
    duration_s: float
    measured_s: float  # The sum of all windows
    partial: bool  # True if the run was interrupted or broke off
    valid: bool  # False if the comparison must not be relied on
    invalid_reasons: tuple[str, ...]  # Why
    stop_reason: str  # Why no more was measured; empty for a partial run
    warnings: tuple[str, ...]  # What a careful reader should know
    headline: str  # What it comes to: how many comparisons were made, which differences hold, and the control
    plan: dict[str, Any]  # The plan, with every default filled in
    manifest: Manifest  # The conditions
    parity: Parity | None  # The answers, before and after the load; None if the run ended before
    rounds: tuple[Round, ...]  # All rounds, void ones too
    comparisons: tuple[Comparison, ...]  # Each candidate and the control against the baseline
    summaries: tuple[Summary, ...]  # One for each arm and level
    conclusions: tuple[Conclusion, ...]  # In sentences
    sweeps: Sweeps = field(default_factory=Sweeps)  # What was found by varying the load
    gates: tuple[GateResult, ...] = ()  # What the plan's gates came to, one for each level
    spectra: tuple[Spectrum, ...] = ()  # How the response times of each arm at each level are distributed
    pages: Pages = field(default_factory=Pages)  # What a browser measured
    claims: tuple[ClaimResult, ...] = ()  # What the plan's claims come to
