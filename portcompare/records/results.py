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
    """One HTTP request, as the plan or a locustfile declares it.

    Attributes:
        name: What it is called in tables; requests that differ in a value of the user's only may share it.
        method: The HTTP method.
        target: Path and query, as they stand in the request line.
        headers: Name and value pairs beside those the client must send.
        body: The body's bytes; empty for none.
        login: What a user does once before it asks this; what these steps keep fills the `{name}`
            placeholders of the target, the headers and the body. Without steps, braces are just braces.
    """

    name: str
    method: str = "GET"
    target: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: Base64Bytes = b""
    login: tuple[LoginStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginStep:
    """A step that a user does once before it asks.

    Attributes:
        request: What it sends.
        keep: For each value that is kept of the answer, its name and where it stands: "json:" and a JSON
            pointer, "header:" and a name, or "cookie:" and a name.
    """

    request: RequestSpec
    keep: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What every answer under load must look like: what parity approved.

    Attributes:
        status: The HTTP status code.
        body_base64: The body's bytes in base64, the server's own address in them replaced by `{server}`; None
            where it is not checked, because it differs by itself from answer to answer.
        masked: JSON pointers to values of the body that differ by themselves and are not compared.
        own_address: Whether the body names the server's own address.
    """

    status: int
    body_base64: str | None
    masked: tuple[str, ...] = ()
    own_address: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side of the comparison.

    Attributes:
        name: "baseline", "control", or the candidate's deployment name.
        deployment: The deployment's name in the plan.
    """

    name: str
    deployment: str


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
    """A part of a round's window; all parts are as long.

    Attributes:
        requests: Successful requests that ended inside it.
        errors: Failed requests that ended inside it.
        p50_s: Median latency; None without a success.
        p99_s: The 99th percentile; None without a success.
    """

    requests: int
    errors: int
    p50_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The most that theory allows, and the name of what sets it.

    Attributes:
        name: "slots", "server CPU", "users" or "connections"; "offered" if less than these was asked for.
        rate_rps: Requests per second.
        reason: The bound in words, with its figures.
    """

    name: str
    rate_rps: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One measured interval of one arm at one level: the unit of statistics.

    Attributes:
        block: Number of the block, from 0.
        arm: Name of the arm.
        deployment: Name of the deployment.
        scenario: Name of the scenario.
        level: Users (closed model) or requests per second (open model).
        order: The round's place in its block, from 0.
        started_at_s: Start of the window, in seconds since the epoch.
        window_s: Length of the window that was cut out of the steady state.
        warmup_s: What was discarded before it.
        steady: Whether the rate was steady when it opened.
        requests: Successful requests that ended inside the window.
        errors: Failed requests that ended inside the window.
        error_kinds: The failures by kind.
        rate_rps: Successful requests per second, the window's edges smoothed so that waves count exactly.
        latency_s: Their latencies; None without a success.
        handler_s: Median of the time in the handler, as the server's own `Server-Timing: app` tells it
            on sampled answers; None where it does not.
        received_bytes_per_request: Size of an answer on the wire, headers included; of a user class that is
            no `LeanUser` what its client says, the body as a rule; None without a success or a byte.
        cpu_s_per_request: CPU seconds of the whole server per successful request; None if not known.
        rss_peak_bytes: Highest resident memory of the server's process tree; None if not known.
        offered_rps: Requests that fell due inside the window, per second; None in the closed model.
        dropped: Requests given up inside the window because no connection had become free within the time
            limit; among the errors too.
        lag_p99_s: How late the load generator was for a request that was due, in the 99th percentile: until
            it was sent, or until it began to wait for a free connection; None in the closed model.
        lag_max_s: The same at worst.
        stall_max_s: The longest that the load generator's event loop was late for a heartbeat.
        generator_cpu_ratio: CPU seconds per second of the load generator's busiest process, or of all those
            of a machine divided by the CPUs they share, if that is more.
        generator_cpu_ratios: The CPU seconds per second of each process of the load generator by its name.
        reconnects: Connections made inside the window because the server had ended the one before.
        slices: The window in ten parts, or in seconds if these are shorter.
        bound: The most that theory allows this round; None without a success.
        void: Why the round does not count; None if it does.
    """

    block: int
    arm: str
    deployment: str
    scenario: str
    level: float
    order: int
    started_at_s: float
    window_s: float
    warmup_s: float
    steady: bool
    requests: int
    errors: int
    error_kinds: dict[str, int]
    rate_rps: float
    latency_s: Latency | None
    handler_s: float | None
    received_bytes_per_request: float | None
    cpu_s_per_request: float | None
    rss_peak_bytes: int | None
    offered_rps: float | None
    dropped: int
    lag_p99_s: float | None
    lag_max_s: float | None
    stall_max_s: float
    generator_cpu_ratio: float
    generator_cpu_ratios: dict[str, float]
    reconnects: int
    slices: tuple[Slice, ...]
    bound: Bound | None = None
    void: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Candidate against baseline in one metric at one level.

    Attributes:
        scenario: Name of the scenario.
        level: The level.
        metric: What is compared.
        candidate: Name of the candidate's arm; "control" for the control.
        blocks: How many blocks the interval rests on.
        ratio: Candidate divided by baseline; None where it cannot be told.
        low: Lower end of the 95% interval; None where it cannot be told.
        high: Upper end of the 95% interval; None where it cannot be told.
        verdict: In words; "faster" means better in this metric.
        reason: Why the verdict is what it is, in a sentence.
    """

    scenario: str
    level: float
    metric: Metric
    candidate: str
    blocks: int
    ratio: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What one arm did at one level, as medians over its rounds; None for what is not known.

    Attributes:
        arm: Name of the arm.
        deployment: Name of the deployment.
        scenario: Name of the scenario.
        level: The level.
        rounds: How many rounds counted.
        voided: How many did not.
        requests: Successful requests in the rounds that counted.
        errors: Failed requests in all rounds, void ones too.
        rate_rps: Median of the rounds' rates.
        latency_s: Medians of the rounds' percentiles.
        handler_s: Median time in the handler.
        outside_handler_s: The rest of the median response time: queue, server and network.
        queue_s: The part of that in which a request waits for others: by how much it is longer than at one
            user, where nobody waits; None where that was not measured.
        overhead_s: The other part: the server's own work and the network.
        received_bytes_per_request: Median size of an answer.
        cpu_s_per_request: Median CPU seconds per request.
        cost_per_million: What the CPU time of a million requests costs, in the plan's currency; None if
            that is not known or the plan names no price.
        rss_peak_bytes: Highest resident memory of any round.
        bound: The bound at the median CPU time per request.
        bound_share: Median rate divided by the bound; above 1 by what edges of windows and backlogs add.
        verdict: Of this arm's throughput against the baseline; None for the baseline itself.
    """

    arm: str
    deployment: str
    scenario: str
    level: float
    rounds: int
    voided: int
    requests: int
    errors: int
    rate_rps: float | None
    latency_s: Latency | None
    handler_s: float | None
    outside_handler_s: float | None
    received_bytes_per_request: float | None
    cpu_s_per_request: float | None
    rss_peak_bytes: int | None
    bound: Bound | None
    bound_share: float | None
    verdict: Verdict | None
    cost_per_million: float | None = None
    queue_s: float | None = None
    overhead_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a scenario's comparisons come to, in one plain sentence for each candidate."""

    scenario: str
    candidate: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A whole run: what `results.json` holds and every report is made from.

    Attributes:
        schema_version: Of this very form.
        name: Of the plan.
        started_at: ISO 8601, UTC.
        duration_s: From the command's start, or the last worker's joining, to the last comparison of answers.
        measured_s: The sum of all windows.
        partial: True if the run was interrupted or broke off.
        valid: False if the comparison must not be relied on.
        invalid_reasons: Why.
        stop_reason: Why no more was measured; empty for a partial run.
        warnings: What a careful reader should know.
        headline: What it comes to: how many comparisons were made, which differences hold, and the control.
        plan: The plan, with every default filled in.
        manifest: The conditions.
        parity: The answers, before and after the load; None if the run ended before.
        rounds: All rounds, void ones too.
        comparisons: Each candidate and the control against the baseline.
        summaries: One for each arm and level.
        conclusions: In sentences.
        sweeps: What was found by varying the load.
        gates: What the plan's gates came to, one for each level.
        spectra: How the response times of each arm at each level are distributed.
        pages: What a browser measured.
        claims: What the plan's claims come to.
    """

    schema_version: int
    name: str
    started_at: str
    duration_s: float
    measured_s: float
    partial: bool
    valid: bool
    invalid_reasons: tuple[str, ...]
    stop_reason: str
    warnings: tuple[str, ...]
    headline: str
    plan: dict[str, Any]
    manifest: Manifest
    parity: Parity | None
    rounds: tuple[Round, ...]
    comparisons: tuple[Comparison, ...]
    summaries: tuple[Summary, ...]
    conclusions: tuple[Conclusion, ...]
    sweeps: Sweeps = field(default_factory=Sweeps)
    gates: tuple[GateResult, ...] = ()
    spectra: tuple[Spectrum, ...] = ()
    pages: Pages = field(default_factory=Pages)
    claims: tuple[ClaimResult, ...] = ()
