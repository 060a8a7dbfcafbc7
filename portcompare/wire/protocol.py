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

from portcompare.records.requests import Expectation, LoginStep, RequestSpec
from portcompare.records.rounds import LoadReport
from portcompare.wire.ui_protocol import OpenUi, ShowState, UiOpened, UiRequest

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG_STATUS = "status "
"""How the kind of failure begins of an answer with another status than expected; the status follows."""

WRONG_BODY = "wrong body"
"""And that of an answer whose body is not what parity approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """Order: leave the load to worker processes, and wait until all have joined."""

    workers: int  # How many
    here: bool  # Whether to start them here, each on one of `cpus` in turn; else they come from elsewhere
    cpus: tuple[int, ...]  # The CPUs of this machine for those started here
    host: str  # Address to listen on
    port: int  # Port to listen on; 0 for any that is free


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Reply to Gather for the address, once that is known, and for each worker that has joined."""

    address: str  # Where workers are listened for, HOST:PORT
    workers: tuple[str, ...]  # The names of those that have joined until now
    problem: tuple[str, str] | None = None  # Why nobody can join, and what to do; None if they can


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSource:
    """Where a scenario comes from: a user class of the locustfile, or requests."""

    user: str | None = None  # Name of the class; None for requests
    # The requests, each with its weight compared with the others; of the login, none has any
    requests: tuple[tuple[RequestSpec, float], ...] = ()
    # What each user does before it asks: for each step its variants, of which the n-th user takes the n-th,
    # and begins again after the last
    login: tuple[tuple[LoginStep, ...], ...] = ()
    is_paced: bool = False  # Whether requests are due at instants of their own: the open model
    # A query parameter, and its value in each request; None to leave requests as they are
    query: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepare:
    """Order: load these scenarios and say what they ask for."""

    locustfile: str | None
    scenarios: dict[str, ScenarioSource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Reply to Prepare: each scenario's requests, or what is wrong with it, by name."""

    # The requests of each scenario, each with the login of the first user
    requests: dict[str, tuple[RequestSpec, ...]]
    # For each scenario that cannot be had, what was found and what to do
    problems: dict[str, tuple[str, str]]
    # The scenarios whose requests are not known before a user of theirs has run: those of user classes that
    # are no `LeanUser`
    to_capture: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Order: run one user of a prepared scenario for a moment, to see what it asks for."""

    scenario: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """Reply to Capture: what the user asked for."""

    requests: tuple[RequestSpec, ...]  # The distinct requests, in the order in which they were first asked
    varying: tuple[int, ...] = ()  # The places of those that were not answered alike each time
    # Addresses that were asked and are not of the server: those requests are not known
    elsewhere: tuple[str, ...] = ()
    problem: tuple[str, str] | None = None  # Why the class cannot be used, and what to do; None if it can


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLoad:
    """The closed model: so many users, each waiting for its answer before it asks again."""

    users: int  # How many


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLoad:
    """The open model: requests are due at instants of their own, whether or not answers come."""

    rate_rps: float  # Requests due per second
    arrivals: Literal["poisson", "even"]  # "poisson" for independent arrivals, "even" for equal gaps
    connections: int  # At most so many requests are under way at once
    seed: str  # Of the arrivals: the same seed is the same schedule


Load = UserLoad | RateLoad


def concurrency_of(load: Load) -> int:
    """How many requests can be under way at once."""
    return load.users if isinstance(load, UserLoad) else load.connections


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRound:
    """Order: load one server at one level, and cut a window out of the steady state."""

    scenario: str  # Name of a prepared scenario
    url: str  # The server
    load: Load  # How it is loaded
    delay_s: float  # Waiting that every answer contains by design: the users' starts are spread over it
    warmup_s: float  # Least time before the window
    warmup_max_s: float  # In the closed model, the round is void if not every user has had an answer by then
    window_s: float  # Length of the window
    # An answer that takes longer is a failure; in the open model also a request that has waited this long for
    # a free connection
    timeout_s: float
    # What answers must look like, by the request's place in `Prepared.requests[scenario]`, or in
    # `Captured.requests`
    expectations: dict[int, Expectation]
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

    load: LoadReport  # What happened
    histogram: str  # The latencies as a base64 encoded HdrHistogram, in microseconds


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
    | UiRequest
)
Kind = TypeVar("Kind")


def encode(message: object) -> str:
    """A message as a line."""
    fields = asdict(message)  # type: ignore[call-overload]
    return json.dumps({"kind": type(message).__name__, "message": fields}, default=_as_base64) + "\n"


def _as_base64(value: object) -> str:
    """Bytes as JSON can hold them."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"no message holds {value!r}")


def make_decoder(*kinds: type[Kind]) -> Callable[[str | bytes], Kind]:
    """Make a function that reads messages."""
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
    UiRequest,
)
