"""What the harness and the load-generator process send each other: one JSON object a line.

The harness writes orders to the process's standard input and reads replies from its standard output.
Instants are those of CLOCK_MONOTONIC, which all processes of a machine share.
"""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from typing import Final, Literal, TypeVar, get_args

from pydantic import TypeAdapter

from portcompare.records.manifest import Ceiling
from portcompare.records.requests import Expectation, LoginStep, RequestSpec
from portcompare.records.rounds import LoadReport, Turn, Usage, WorkerChange
from portcompare.units import LoadModel

# How kinds of failure start: of a response with an unexpected status, which follows, and with another body
# than the approved one.
WRONG_STATUS: Final = "status "
WRONG_BODY: Final = "wrong body"
TIMEOUT: Final = "no complete response in time"
REFUSED: Final = "connection refused"
RESET: Final = "connection reset"
CLOSED: Final = "connection closed after the request was sent"


WORKERS_AWAITED_S: Final = 60.0
"""How long a round waits for a load worker if all were lost; they were noticed to be after half a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """Order: leave the load to worker processes, and wait until all have joined."""

    workers: int  # How many
    here: bool  # Whether to start them here, each on one of `cpus` in turn; else they come from elsewhere
    cpus: tuple[int, ...]
    host: str  # Address to listen on
    port: int  # 0 for any that is free


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Reply to Gather: the address, once it is known, and again for each worker that has joined."""

    address: str  # Where workers can join, HOST:PORT
    workers: tuple[str, ...]  # The names of those that have joined
    problem: tuple[str, str] | None = None  # Why nobody can join, and what to do


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp:
    """Last reply to any order: nothing can be loaded any more. Any reply may follow a `WorkerChange`."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSource:
    """Where a scenario comes from: a user class of the locustfile, or requests."""

    user: str | None = None  # Name of the class; None for requests
    requests: tuple[tuple[RequestSpec, float], ...] = ()  # With weights; none has a login of its own
    # Steps that each user does first: of the variants of each, the n-th user takes the n-th, in turn
    login: tuple[tuple[LoginStep, ...], ...] = ()
    is_paced: bool = False  # Whether requests are due at instants of their own: the open model
    query: tuple[str, str] | None = None  # A query parameter and its value, for each request


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """Order: load these scenarios."""

    locustfile: str | None
    scenarios: dict[str, ScenarioSource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Reply to Prepare: the requests of each scenario, or what is wrong with it."""

    requests: dict[str, tuple[RequestSpec, ...]]  # Each with the login of the first user
    problems: dict[str, tuple[str, str]]  # What was found, and what to do
    # By scenario, the steps of its login: of the variants of each, the n-th user takes the n-th, in turn
    logins: dict[str, tuple[tuple[LoginStep, ...], ...]] = field(default_factory=dict)
    # Scenarios whose requests are not known before a user has run: those of classes that are no `LeanUser`
    to_capture: tuple[str, ...] = ()
    can_take_turns: tuple[str, ...] = ()  # Scenarios whose users can wait between two requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Order: run one user of a prepared scenario for a moment, and capture its requests."""

    scenario: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Reply to Capture."""

    requests: tuple[RequestSpec, ...]  # The distinct requests, in the order in which they first came
    varying: tuple[int, ...] = ()  # The places of those whose responses differed
    elsewhere: tuple[str, ...] = ()  # Addresses of requests to other hosts, which could not be captured
    problem: tuple[str, str] | None = None  # Why the class cannot be used, and what to do


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLoad:
    """The closed model: each user waits for its response before it sends the next request."""

    users: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLoad:
    """The open model: requests are due at instants of their own, whether or not responses come."""

    rate_rps: float
    arrivals: Literal["poisson", "even"]  # Independent arrivals, or equal gaps
    connections: int  # The most requests that are under way at once
    seed: str  # Of the arrivals: the same seed is the same schedule


Load = UserLoad | RateLoad


def concurrency_of(load: Load) -> int:
    """How many requests can be under way at once."""
    return load.users if isinstance(load, UserLoad) else load.connections


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRound:
    """Order: load one server at one level, and cut a window out of the steady state."""

    scenario: str  # Name of a prepared scenario
    url: str
    load: Load
    warmup_s: float  # Least time before the window
    warmup_max_s: float  # In the closed model, the round is discarded if a user has no response by then
    window_s: float
    timeout_s: float  # Of a response, and in the open model of the wait for a free connection: else a failure
    delay_s: float = 0.0  # Waiting that every response contains by design: users' starts are spread over it
    # By the request's place in `Prepared.requests[scenario]`, or in `Captured.requests`
    expectations: dict[int, Expectation] = field(default_factory=dict)
    is_held: bool = False  # Whether the window stays open until CloseWindow comes; for `window_s` at most


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
    """Last reply to RunRound: what happened inside the window."""

    load: LoadReport
    histogram: str  # The latencies as a base64 encoded HdrHistogram, in microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinTurns:
    """Order: connect the users of all arms, and have them wait for turns once each had a response."""

    rounds: dict[str, RunRound]  # By arm; of their windows nothing counts: turns are ordered one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnsJoined:
    """Reply to JoinTurns."""

    failures: dict[str, str]  # Why arms take no turns


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeTurn:
    """Order: let the users of one arm send requests, and wait for all responses."""

    arm: str
    cycle: int
    turn_s: float  # How long they send
    spread_s: float = 0.0  # Over how long their starts are spread


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTaken:
    """Reply to TakeTurn, when no request of the arm is under way any more."""

    turn: Turn
    reconnects: int  # Connections made because the server had ended the one before
    closed_unannounced: int = 0  # How many of those it had ended without saying so in its last response
    failure: str | None = None  # Why the arm can take no more turns; None if it can


@dataclass(frozen=True, slots=True, kw_only=True)
class EndTurns:
    """Order: disconnect all users that take turns, and report the turns that count."""

    counting: dict[str, tuple[int, ...]]  # By arm, the cycles whose turns count


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnsEnded:
    """Reply to EndTurns."""

    rounds: dict[str, RoundDone]  # By arm


@dataclass(frozen=True, slots=True, kw_only=True)
class UiArm:
    """A server that the UI can load."""

    name: str
    url: str
    # By scenario, how many requests its handlers can process at once; empty if not known
    ceilings: dict[str, Ceiling] = field(default_factory=dict)
    cpus: int = 0  # CPUs that it may use; 0 if not known


@dataclass(frozen=True, slots=True, kw_only=True)
class UiScenario:
    """A scenario that can be chosen, and the defaults of the form."""

    name: str
    delay_s: float = 0.0  # Waiting that every response contains by design
    delay_parameter: str = "delay"  # The query parameter that a chosen delay is written to
    model: LoadModel = "closed"
    users: int = 1  # Users, or connections, for each arm
    rate_rps: float = 0.0  # Requests due per second on each arm; 0 in the closed model
    arrivals: Literal["poisson", "even"] = "poisson"


@dataclass(frozen=True, slots=True, kw_only=True)
class UiPlan:
    """The arms and scenarios to choose from."""

    name: str
    arms: tuple[UiArm, ...]  # The baseline first
    scenarios: dict[str, UiScenario] = field(default_factory=dict)
    timeout_s: float | None = None  # Time limit of a response; None to leave it to the user classes
    budget_s: float = 0.0  # Longest duration of a run; 0 where none can be started


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """What is loaded, and how."""

    scenarios: tuple[str, ...]
    arms: tuple[str, ...]
    delay_s: float | None = None  # None for each scenario's own
    model: LoadModel = "closed"
    users: int = 1  # Users, or connections, of each scenario on each arm
    rate_rps: float = 0.0  # Requests due per second of each scenario on each arm; 0 in the closed model


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUi:
    """Order: serve the web UI; the load comes from workers, which have joined before.

    Once a second the harness then sends what it knows, and receives what a viewer has requested.
    """

    host: str
    port: int  # 0 for any free port
    password_hash: str | None  # As werkzeug writes it; None for a UI without a login
    plan: UiPlan
    runs: str  # The folder of finished runs
    picks_classes: bool = False  # Whether Locust's class picker chooses the scenarios, several at once


@dataclass(frozen=True, slots=True, kw_only=True)
class UiOpened:
    """Reply to OpenUi."""

    url: str
    problem: tuple[str, str] | None = None  # Why it cannot be served, and the remedy; None if it is served


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """The progress of a run that was started from the UI."""

    command: str  # The command line, to repeat it
    state: Literal["running", "done", "failed", "cancelled"]
    progress: str  # The last line that it printed
    folder: str  # Name of its folder
    elapsed_s: float = 0.0  # Since its start
    budget_s: float = 0.0  # Its longest duration


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowState:
    """Order: show this."""

    usage: dict[str, Usage]  # By arm; without the servers that portcompare did not start
    run: RunState | None = None  # The last run that was started from the UI; None before


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to measure by a run."""

    settings: LiveSettings
    budget_s: float  # Its longest duration


@dataclass(frozen=True, slots=True, kw_only=True)
class UiRequest:
    """Reply to ShowState: what a viewer has requested."""

    measure: RunRequest | None = None  # None for nothing
    cancels: bool = False  # Whether the run under way is to end


Order = (
    Gather | Prepare | Capture | RunRound | CloseWindow | JoinTurns | TakeTurn | EndTurns | OpenUi | ShowState
)
Reply = (
    Joined
    | WorkerChange
    | GaveUp
    | Prepared
    | Captured
    | WindowOpens
    | RoundDone
    | TurnsJoined
    | TurnTaken
    | TurnsEnded
    | UiOpened
    | UiRequest
)
Message = Order | Reply
Kind = TypeVar("Kind")


def encode(message: object) -> str:
    """Write a message as a line."""
    fields = asdict(message)  # type: ignore[call-overload]
    line = {"kind": type(message).__name__, "message": fields}
    return json.dumps(line, default=lambda value: b64encode(value).decode()) + "\n"  # of bytes


def make_decoder(*kinds: type[Kind]) -> Callable[[str | bytes], Kind]:
    """Make a function that reads messages of these kinds; it raises ValueError at any other line."""
    adapters: dict[str, TypeAdapter[Kind]] = {kind.__name__: TypeAdapter(kind) for kind in kinds}

    def decode(line: str | bytes) -> Kind:
        match json.loads(line):
            case {"kind": str(kind), "message": fields} if kind in adapters:
                return adapters[kind].validate_python(fields)
        raise ValueError(f"not a message: {line!r}")

    return decode


decode: Callable[[str | bytes], Message] = make_decoder(*get_args(Message))


def is_loopback(host: str) -> bool:
    """Whether an address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
