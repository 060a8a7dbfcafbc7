"""Rounds: what the load generator reported of one, what the server used meanwhile, and whether it counts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

BASELINE = "baseline"
CONTROL = "control"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side of the comparison."""

    name: str  # "baseline", "control", or the candidate's deployment name
    deployment: str  # The deployment's name in the plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Percentiles of the response time of the requests sent in a window, in seconds.

    Failed requests are left out. Of censored ones, which never had a response, it holds how long they waited.
    """

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
class LoadReport:
    """What the load generator reports of one window of load."""

    started_at_s: float  # Start of the window, in seconds since the epoch
    window_s: float  # Length of the window that was cut out of the steady state
    warmup_s: float  # Length of the load before it, which is not counted
    steady: bool  # Whether the rate was steady when the window opened
    requests: int  # Successful requests that ended inside the window
    rate_rps: float  # Successful requests per second, the window's edges smoothed so that waves count exactly
    # Failed requests that were sent or ended inside the window, by kind; and wrong bodies that came only
    # before it
    error_kinds: dict[str, int]
    latency_s: Latency | None  # Response times; None without a request that was sent inside the window
    # Median of the time in the handler, as the server's own `Server-Timing: app` reports it on sampled
    # responses; None where it does not
    handler_s: float | None
    # Size of a response on the wire, headers included; of a user class that is no `LeanUser` what its client
    # reports, the body as a rule; None without a success or a byte
    received_bytes_per_request: float | None
    reconnects: int  # Connections made inside the window because the server had ended the one before
    offered_rps: float | None  # Requests that fell due inside the window, per second; None if closed
    dropped: int  # Requests given up as no connection was free within the time limit; among the errors too
    # p99 of how late the load generator was for a request that was due: until it was sent, or began to wait
    # for a free connection; None in the closed model
    lag_p99_s: float | None
    lag_max_s: float | None  # The same at worst
    stall_max_s: float  # The longest that the load generator's event loop was late for a heartbeat
    # CPU seconds per second of the load generator's busiest process, or of all those of a machine divided by
    # the CPUs they share, if that is more
    generator_cpu_ratio: float
    generator_cpu_ratios: dict[str, float]  # The same of each of its processes, by name
    slices: tuple[Slice, ...]  # The window in ten parts, or in seconds if these are shorter
    # Requests sent inside the window (in the open model: due in it) that had no response when the wait for it
    # ended: 2 s after the window, or five times the median if that is more, or the time limit if that is less
    censored: int = 0
    # The longest that a user waited for a response or a failure: inside the window, and after it for what was
    # sent by its end; None where it is not known
    wait_max_s: float | None = None
    # How often, inside the window, the server had closed a connection that its last response had kept
    closed_unannounced: int = 0
    failure: str | None = None  # Why the load was not the one that was ordered; None if it was
    lost_workers: tuple[str, ...] = ()  # Names of load workers that were lost in it, which discards it
    # Of each kind of wrong response the first: what was requested, received, and approved
    wrong_examples: dict[str, str] = field(default_factory=dict)

    @property
    def responses(self) -> int:
        """How many requests had a response, right or wrong, or failed."""
        return self.requests + self.errors

    @property
    def errors(self) -> int:
        """How many requests failed inside the window."""
        return sum(self.error_kinds.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerChange:
    """What happened to a load worker after all had joined."""

    worker: str  # Its machine, a slash and its number; of one that was refused the machine alone
    at_s: float  # When that was noticed, in seconds since the epoch
    change: Literal["lost", "joined", "refused"]
    reason: str = ""  # Why; empty if it joined

    @property
    def text(self) -> str:
        """The change in a clause."""
        why = f" ({self.reason})" if self.reason else ""
        was = "joined" if self.change == "joined" else f"was {self.change}"
        return (
            f"load worker {self.worker} {was} at {datetime.fromtimestamp(self.at_s, UTC):%H:%M:%S} UTC{why}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The shortest stretch of load on one arm, from its first request until all responses have come."""

    cycle: int  # In each cycle every arm takes one turn; from 0
    started_at_s: float  # In seconds since the epoch
    duration_s: float  # From the first request to the last response
    requests: int  # Successful requests
    errors: int  # Failed requests
    # Successful requests per second until the last response; in the open model, and where users wait most of
    # the time, in the middle of the turn; None without one
    rate_rps: float | None
    # Median latency of the successful requests, without the first of each user, which all came at once; None
    # without a success
    p50_s: float | None
    generator_cpu_ratio: float  # CPU seconds per second of the load generator's process
    stall_max_s: float  # The longest that its event loop was late for a heartbeat
    # CPU seconds that the server used, read while it had nothing to do before and after; None if not known
    cpu_s: float | None = None
    offered_rps: float | None = None  # Requests per second that fell due meanwhile; None in the closed model
    discarded: str | None = None  # Why the turn does not count; None if it does

    @property
    def served(self) -> float | None:
        """The rate; in the open model divided by what was offered, which differs from turn to turn."""
        return self.rate_rps / (self.offered_rps or 1.0) if self.rate_rps else None

    @property
    def cpu_s_per_request(self) -> float | None:
        """CPU seconds of the whole server per successful request; None if not known."""
        return self.cpu_s / self.requests if self.cpu_s is not None and self.requests else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a server's processes used."""

    cpu_s: float  # CPU seconds: in a round's window, or else since the server's start
    # Resident memory of all processes: the highest seen in a round, or else now; 0 if none was seen
    rss_bytes: int
    # How often the server, or in a round one of its processes, ended and another took its place
    restarts: int = 0
    # The resident memory at even distances through a round; empty if not known
    rss_course_bytes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The most that theory allows, and the name of what sets it."""

    name: str  # "slots", "server CPU", "users" or "connections"; "offered" if fewer requests were offered
    rate_rps: float  # Requests per second
    reason: str  # The bound in words, with its figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """All that was measured of one arm at one level in one block: a window of load, or turns."""

    block: int  # Number of the block, from 0
    order: int  # The round's place in its block, from 0
    arm: str  # Name of the arm
    deployment: str  # Name of the deployment
    scenario: str  # Name of the scenario
    level: float  # Users (closed model) or requests per second (open model)
    load: LoadReport  # What the load generator reported
    usage: Usage | None = None  # What the server used in the window; None if not known
    bound: Bound | None = None  # The most that theory allows this round; None without a success
    # The turns that it consists of, discarded ones too; empty if it was one window. `load` and `usage` add up
    # those that count
    turns: tuple[Turn, ...] = ()
    why_window: str = ""  # Why it was one window instead of turns; empty if it was turns
    discarded: str | None = None  # Why the round does not count; None if it does

    @property
    def cpu_s_per_request(self) -> float | None:
        """CPU seconds of the whole server per successful request; None if not known."""
        if self.usage is None or not self.load.requests or not self.load.rate_rps:
            return None
        if self.turns:
            return self.usage.cpu_s / self.load.requests
        return self.usage.cpu_s / self.load.window_s / self.load.rate_rps

    @property
    def rss_peak_bytes(self) -> int | None:
        """Highest resident memory of the server's processes; None if not known."""
        return (self.usage.rss_bytes or None) if self.usage else None
