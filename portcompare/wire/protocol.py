"""What the harness and the load-generator process say to each other: one JSON object a line.

The harness writes orders to the process's standard input and reads replies from its standard output.
Instants are those of CLOCK_MONOTONIC, which all processes of a machine share.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import TypeAdapter

from portcompare.records.results import Expectation, Latency, LoginStep, RequestSpec, Slice
from portcompare.wire.ui_protocol import OpenUi, ShowState, UiOpened, Wishes

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG_STATUS = "status "
"""How the kind of failure begins of an answer with another status than expected; the status follows."""

WRONG_BODY = "wrong body"
"""And that of an answer whose body is not what parity approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """Order: leave the load to worker processes, and wait until all have joined.

    Attributes:
        workers: How many.
        here: Whether to start them here, each on one of `cpus` in turn; else they come from elsewhere.
        cpus: The CPUs of this machine for those started here.
        host: Address to listen on.
        port: Port to listen on; 0 for any that is free.
    """

    workers: int
    here: bool
    cpus: tuple[int, ...]
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Reply to Gather for the address, once that is known, and for each worker that has joined.

    Attributes:
        address: Where workers are listened for, HOST:PORT.
        workers: The names of those that have joined until now.
        problem: Why nobody can join, and what to do; None if they can.
    """

    address: str
    workers: tuple[str, ...]
    problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSource:
    """Where a scenario comes from: a user class of the locustfile, or requests.

    Attributes:
        user: Name of the class; None for requests.
        requests: The requests, each with its weight compared with the others; of the login, none has any.
        login: What each user does before it asks: for each step its variants, of which the n-th user takes
            the n-th, and begins again after the last.
        is_paced: Whether requests are due at instants of their own: the open model.
        query: A query parameter, and its value in each request; None to leave requests as they are.
    """

    user: str | None = None
    requests: tuple[tuple[RequestSpec, float], ...] = ()
    login: tuple[tuple[LoginStep, ...], ...] = ()
    is_paced: bool = False
    query: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """Order: load these scenarios and say what they ask for."""

    locustfile: str | None
    scenarios: dict[str, ScenarioSource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Reply to Prepare: each scenario's requests, or what is wrong with it, by name.

    Attributes:
        requests: The requests of each scenario, each with the login of the first user.
        problems: For each scenario that cannot be had, what was found and what to do.
        to_capture: The scenarios whose requests are not known before a user of theirs has run: those of user
            classes that are no `LeanUser`.
    """

    requests: dict[str, tuple[RequestSpec, ...]]
    problems: dict[str, tuple[str, str]]
    to_capture: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Order: run one user of a prepared scenario for a moment, to see what it asks for."""

    scenario: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Reply to Capture: what the user asked for.

    Attributes:
        requests: The distinct requests, in the order in which they were first asked.
        varying: The places of those that were not answered alike each time.
        elsewhere: Addresses that were asked and are not of the server: those requests are not known.
        problem: Why the class cannot be used, and what to do; None if it can.
    """

    requests: tuple[RequestSpec, ...]
    varying: tuple[int, ...] = ()
    elsewhere: tuple[str, ...] = ()
    problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLoad:
    """The closed model: so many users, each waiting for its answer before it asks again.

    Attributes:
        users: How many.
    """

    users: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLoad:
    """The open model: requests are due at instants of their own, whether or not answers come.

    Attributes:
        rate_rps: Requests due per second.
        arrivals: "poisson" for independent arrivals, "even" for equal gaps.
        connections: At most so many requests are under way at once.
        seed: Of the arrivals: the same seed is the same schedule.
    """

    rate_rps: float
    arrivals: Literal["poisson", "even"]
    connections: int
    seed: str


Load = UserLoad | RateLoad


def concurrency_of(load: Load) -> int:
    """How many requests can be under way at once.

    Args:
        load: The load.

    Returns:
        The users, or the open model's connections.
    """
    return load.users if isinstance(load, UserLoad) else load.connections


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRound:
    """Order: load one server at one level, and cut a window out of the steady state.

    Attributes:
        scenario: Name of a prepared scenario.
        url: The server.
        load: How it is loaded.
        delay_s: Waiting that every answer contains by design: the users' starts are spread over it.
        warmup_s: Least time before the window.
        warmup_max_s: In the closed model, the round is void if not every user has had an answer by then.
        window_s: Length of the window.
        timeout_s: An answer that takes longer is a failure; in the open model also a request that has waited
            this long for a free connection.
        expectations: What answers must look like, by the request's place in `Prepared.requests[scenario]`,
            or in `Captured.requests`.
        is_held: Whether the window stays open until CloseWindow comes; for `window_s` at most.
    """

    scenario: str
    url: str
    load: Load
    delay_s: float
    warmup_s: float
    warmup_max_s: float
    window_s: float
    timeout_s: float
    expectations: dict[int, Expectation]
    is_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseWindow:
    """Order, given once in each round whose window is held, after WindowOpens: close it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOpens:
    """Reply to RunRound when the load is steady: the window's instants, so that others can measure it too."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundDone:
    """Last reply to RunRound: what happened inside the window.

    Attributes:
        started_at_s: Start of the window, in seconds since the epoch.
        window_s: Its length.
        warmup_s: What was discarded before it.
        steady: Whether the rate was steady when it opened; it is waited for, but not for ever.
        requests: Successful requests that ended inside it.
        rate_rps: Their rate, its window's edges smoothed.
        error_kinds: Failed requests that ended inside it, by kind; and wrong bodies that came only before it.
        received_bytes_per_request: Of the successful requests, headers included; of a user class that is no
            `LeanUser` what it says of them, the body as a rule; None without a request or a byte.
        reconnects: Connections made inside it because the server had ended the one before; those made after a
            failure do not count.
        latency_s: Percentiles; None without a success.
        histogram: The latencies as a base64 encoded HdrHistogram, in microseconds.
        handler_s: Median of the sampled `Server-Timing: app`; None where there is none.
        offered_rps: Requests that fell due inside it, per second; None in the closed model.
        dropped: Requests given up inside it because no connection had become free within the time limit;
            among the failures too.
        lag_p99_s: How late the generator was for a request that was due, in the 99th percentile: until it
            was sent, or until it began to wait for a free connection; None in the closed model.
        lag_max_s: The same at worst.
        stall_max_s: The longest that the generator's event loop was late for a heartbeat.
        generator_cpu_ratio: CPU seconds per second of the busiest process, or of all those of a machine
            divided by the CPUs they share, if that is more.
        generator_cpu_ratios: The CPU seconds per second of each process of the load generator by its name.
        slices: The window in ten parts, or in seconds if these are shorter.
        void: Why the round does not count; None if it does.
    """

    started_at_s: float
    window_s: float
    warmup_s: float
    steady: bool
    requests: int
    rate_rps: float
    error_kinds: dict[str, int]
    received_bytes_per_request: float | None
    reconnects: int
    latency_s: Latency | None
    histogram: str
    handler_s: float | None
    offered_rps: float | None
    dropped: int
    lag_p99_s: float | None
    lag_max_s: float | None
    stall_max_s: float
    generator_cpu_ratio: float
    generator_cpu_ratios: dict[str, float]
    slices: tuple[Slice, ...]
    void: str | None


Message = (
    Gather
    | Joined
    | Prepare
    | Prepared
    | Capture
    | Captured
    | RunRound
    | WindowOpens
    | CloseWindow
    | RoundDone
    | OpenUi
    | UiOpened
    | ShowState
    | Wishes
)
Kind = TypeVar("Kind")


def encode(message: object) -> str:
    """A message as a line.

    Args:
        message: What to say: a record.

    Returns:
        One line of JSON, its end included.
    """
    fields = asdict(message)  # type: ignore[call-overload]
    return json.dumps({"kind": type(message).__name__, "message": fields}, default=_as_base64) + "\n"


def _as_base64(value: object) -> str:
    """Bytes as JSON can hold them."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"no message holds {value!r}")


def make_decoder(*kinds: type[Kind]) -> Callable[[str | bytes], Kind]:
    """Make a function that reads messages.

    Args:
        kinds: The records that may come.

    Returns:
        The message in a line; the function raises ValueError if the line holds none.
    """
    adapters: dict[str, TypeAdapter[Kind]] = {kind.__name__: TypeAdapter(kind) for kind in kinds}

    def decode(line: str | bytes) -> Kind:
        match json.loads(line):
            case {"kind": str(kind), "message": fields} if kind in adapters:
                return adapters[kind].validate_python(fields)
        msg = f"not a message: {line!r}"
        raise ValueError(msg)

    return decode


decode: Callable[[str | bytes], Message] = make_decoder(
    Gather,
    Joined,
    Prepare,
    Prepared,
    Capture,
    Captured,
    RunRound,
    WindowOpens,
    CloseWindow,
    RoundDone,
    OpenUi,
    UiOpened,
    ShowState,
    Wishes,
)
