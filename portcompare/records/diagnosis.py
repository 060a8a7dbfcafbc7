"""What a diagnosis found: what blocks an event loop, what responses wait for, where the CPU goes; advice."""

from dataclasses import dataclass, field
from typing import Literal

from portcompare.records.estimates import Estimate

DIAGNOSIS_SCHEMA_VERSION = 1
DIAGNOSIS_FILE = "diagnosis.json"

EVERY_ROUTE = "every route"  # of what runs before or after each handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was diagnosed."""

    deployment: str
    scenario: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Subject):
    """A place in the app's own code, and what is called there."""

    file: str  # Relative to the app's directory where it lies in it
    line: int
    function: str  # The function that holds the line
    call: str  # What the line calls: `time.sleep`; or the line itself where it computes


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocking(Site):
    """A line that held up an event loop: meanwhile no other request went on."""

    route: str  # Method and rule, or `every route`; empty if it is not known
    count: int  # How often, while the scenario's load was watched
    total_s: float  # All stalls together
    longest_s: float
    reason: str  # What it waits for, or that it computes
    # One of its stacks, the app's frames alone, outermost first: `file:line in function`
    stack: tuple[str, ...] = ()
    rule: str = ""  # The rule of ruff that finds the line in the text, too; empty if none does


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A line that blocks an event loop by its text, and did not under this load."""

    deployment: str
    file: str
    line: int
    rule: str  # Of ruff
    message: str


WaitKind = Literal["slot", "thread", "lock", "pool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(Site):
    """What requests queue for, by the place that makes them wait."""

    route: str
    kind: WaitKind  # a slot of the server, a thread of the executor, a lock, a place in a pool or queue
    count: int  # Requests that were seen to wait for it
    total_s: float
    longest_s: float | None  # None where only the mean is known
    share: float  # Of the route's time in the server, from 0 to 1
    reason: str  # What holds it: `6 of 6 threads busy, 31 waiting; they run time.sleep at app.py:9`


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTime(Subject):
    """Where the time of a route's responses goes: means in seconds, which add up to the response time."""

    route: str
    requests: int  # How many were watched
    queued_s: float  # Server processing: before the handler began, for a slot
    blocked_s: float  # Server processing: the event loop was held up by another request
    waited_s: float  # Server processing: for locks, pools and threads
    upstream_s: float  # Server processing: for what the handler awaits otherwise: other services, timers
    computed_s: float  # Server processing: the handler ran
    network_s: float  # Network and client
    weight: float = 1.0  # Its share of all requests that were watched
    waiting_share: float = 0.0  # Of what the handlers of all routes wait, from 0 to 1
    is_first: bool = False  # Whether it is among the fewest that hold 90% of that: those to port first

    @property
    def parts_s(self) -> tuple[float, ...]:
        """All parts, in the order in which they come about."""
        server = (self.queued_s, self.blocked_s, self.waited_s, self.upstream_s, self.computed_s)
        return (*server, self.network_s)

    @property
    def response_s(self) -> float:
        """The whole response time."""
        return sum(self.parts_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake(Site):
    """What is wrong without holding up anything: a coroutine that is never awaited, debugging left on."""

    count: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak(Subject):
    """A response that holds what belongs to another user."""

    request: str  # Method and target
    user: str  # Who sent it
    other: str  # Whose it was
    count: int
    requests: int  # Of so many under load
    example: str  # What the response held, without secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class LostConnections(Subject):
    """Connections that a server closed or refused under load."""

    kind: Literal["closed", "reset", "refused"]
    count: int
    requests: int  # Of so many under load
    limit: str  # The limit that causes it, with its value; empty if none is known
    remedy: str


CpuGroup = Literal["server", "framework", "app", "interpreter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuDifference(Subject):
    """CPU time a request that a function of the app, or a module, takes more than on the baseline."""

    group: CpuGroup
    function: str  # `orders.total` of the app, else the module alone: `quart.ctx`
    us_per_request: float  # Negative if the baseline takes more
    baseline_us_per_request: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched(Subject):
    """One deployment under one scenario's load: what watching cost, and how many requests ran at once."""

    level: str  # `64 users`
    plain_rps: float  # The rate without instruments
    watched_rps: float  # With them
    plain_p50_s: float | None
    cpu_s_per_request: float | None  # CPU seconds of the whole server, without instruments
    # How many requests made progress at once, as measured; None if that is not known
    slots: int | None
    probe_idle_s: float | None  # A cheap request without load
    probe_loaded_s: float | None  # The same beside the load
    is_blocked: bool = False  # Whether the probe waits as long as the scenario's own responses
    flame_graph: str = ""  # File beside the results; empty if none was drawn
    not_watched: str = ""  # Why instruments could not be installed; empty if they were


Effort = Literal["setting", "deployment", "code"]
AdviceOutcome = Literal["confirmed", "not tried", "not decided", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice(Subject):
    """What to do, from measured facts alone."""

    text: str  # `Move requests.get at orders.py:41 off the event loop: up to 8 times the rate`
    evidence: str  # What was measured
    # How many times better it gets: the rate of a number of users, or the response time of an offered rate
    gain: float
    effort: Effort  # What has to be changed
    # What is to be changed, by key of the deployment; empty for advice on code
    change: dict[str, str | int] = field(default_factory=dict)
    # "confirmed" if the change was measured and does what was said, "withdrawn" if it does not, "not decided"
    # if its measurement does not decide it
    outcome: AdviceOutcome = "not tried"
    measured: Estimate | None = None  # How many times better the change makes it; None if it was not tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why a comparison came out as it did."""

    schema_version: int = DIAGNOSIS_SCHEMA_VERSION
    watched: tuple[Watched, ...] = ()
    blocking: tuple[Blocking, ...] = ()  # Those that cost most first
    unseen: tuple[Unseen, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    routes: tuple[RouteTime, ...] = ()  # Of each load, those whose handlers wait longest first
    isolation: tuple[Leak, ...] = ()
    connections: tuple[LostConnections, ...] = ()
    cpu: tuple[CpuDifference, ...] = ()
    advice: tuple[Advice, ...] = ()
    warnings: tuple[str, ...] = ()
