"""What the users of one load test share: their targets, what they expect, and where they count."""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import gevent
import locust
import numpy as np
from gevent.event import Event
from gevent.hub import Waiter
from gevent.pool import Group
from locust import User
from locust.env import Environment
from locust.event import EventHook
from locust.stats import RequestStats, StatsEntry, bucket_response_time

import portcompare
from portcompare.loadgen.checks import SPARSE
from portcompare.loadgen.declare import Script
from portcompare.loadgen.open_model import WHOLE, Share
from portcompare.loadgen.tallies import Recorder, Tally
from portcompare.records.requests import Expectation

COUNTED = EventHook()
"""Fired with `environment`, `session` and `tallies` each time that what users counted is fed to Locust."""

DECLARED_TARGETS: dict[str, str] = {}  # Command line option and name of each declared target


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server under load."""

    name: str  # As in tables; empty where there is only one
    url: str


class Gate:
    """Where the users of the closed model wait for their turn, each with its connection open."""

    __slots__ = ("_all_wait", "_timers", "_users", "_waiting", "closes_at_s")

    def __init__(self, users: int) -> None:
        self.closes_at_s = 0.0  # Until when they send, in seconds of `time.perf_counter()`
        self._users = users
        self._waiting: list[Waiter] = []
        self._timers: list[Any] = []
        self._all_wait = Event()

    def wait(self) -> None:
        """Wait for the next turn."""
        waiter = Waiter()
        self._waiting.append(waiter)
        if len(self._waiting) == self._users:
            self._all_wait.set()
        waiter.get()

    def begin(self, closes_at_s: float, spread_s: float = 0.0) -> None:
        """Have all users send until an instant of `time.perf_counter()`, their starts spread over a time."""
        self._all_wait.clear()
        self.closes_at_s = closes_at_s
        waiting, self._waiting = self._waiting, []
        loop = gevent.get_hub().loop
        self._timers = []
        for place, waiter in enumerate(waiting):
            if spread_s and place:
                timer = loop.timer(spread_s * place / len(waiting))
                timer.start(waiter.switch, None)
                self._timers.append(timer)  # which would not ring once it is collected
            else:
                loop.run_callback(waiter.switch, None)

    def wait_until_idle(self, limit_s: float) -> bool:
        """Wait until every user waits; False if one does not within the limit."""
        return bool(self._all_wait.wait(limit_s))


@dataclass(slots=True, kw_only=True)
class Session:
    """The shared state of one load test in one process."""

    targets: tuple[Target, ...]  # Users are spread over them evenly
    users: int = 0  # In all processes; 0 where that is not known beforehand
    share: Share = WHOLE  # This process's share of them
    stagger_s: float = 0.0  # Over how long their starts are spread
    timeout_s: float | None = None  # None to leave it to the user classes
    recorder: Recorder = field(default_factory=Recorder)
    gate: Gate | None = None  # Where users wait for their turn; None if they take none
    # `Server-Timing` is read on every so many responses of a user; the same for all responses, so that slow
    # ones do not weigh more
    sample_every: int = SPARSE
    all_ready: Event = field(default_factory=Event)  # Set when each user of this process is ready
    ready_users: int = 0  # Those that had a response or a failure; in the open model, that logged in
    # Of each user, since when the request counts that it waits for; None while it waits for none
    waits: set[Callable[[], float | None]] = field(default_factory=set)
    login_error: str = ""  # The last failure of a login; empty if there was none
    user_error: str = ""  # Why the first user ended by itself; empty if none did
    # By the request's place in its class
    expectations: Mapping[int, Expectation] = field(default_factory=dict)
    # For each key that users count under, the names of the user class and the target
    lines: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    scripts: dict[tuple[type, Target], Script] = field(default_factory=dict)  # Shared: they take memory
    _places: dict[type, tuple[int, int]] = field(default_factory=dict)

    def take_place(self, user_class: type[User]) -> tuple[int, Target]:
        """Give a new user its place.

        The users of each class are spread by themselves: Locust starts classes in turn, and of two classes
        and two targets each would get the other one. Each class begins with another target, and so does each
        process, which may have a single user.
        """
        first, place = self._places.get(user_class, (len(self._places), 0))
        self._places[user_class] = (first, place + 1)
        target = self.targets[(first + place + self.share.index) % len(self.targets)]
        return self.share.number(place), target

    def waiting_since_s(self, until_s: float) -> list[float]:
        """Since when the requests count that were under way at an instant and still are."""
        return [since_s for wait in self.waits if (since_s := wait()) is not None and since_s <= until_s]

    def note_end(self, error: BaseException | None) -> None:
        """Note that a user ended by itself, or could not be made: nobody waits any longer for the others."""
        reason = "a user stopped by itself (StopUser)" if error is None else describe_error(error)
        self.user_error = self.user_error or reason
        self.all_ready.set()

    def count_ready(self) -> None:
        """Note that one more user is ready."""
        self.ready_users += 1
        if self.ready_users == self.share.of(self.users):
            self.all_ready.set()


# gevent's compiled files have relative names.
_LIBRARIES: Final = (
    "src/gevent/",
    *(f"{Path(module.__file__ or '').parent}/" for module in (gevent, locust, portcompare)),
)


def describe_error(error: BaseException) -> str:
    """Which function of the user's code raised what, and where: `on_start raised KeyError: 'a' (my.py:6)`."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if not each.filename.startswith(_LIBRARIES)] or frames[-1:]
    if not own:
        return f"raised {text}"
    *_, last = (each for each in own if each.filename == own[0].filename)  # beyond is a library
    return f"{own[0].name} raised {text} ({Path(last.filename).name}:{last.lineno})"


class WatchedUsers(Group):
    """The greenlets of users, each of which is watched for its end."""

    def __init__(self, on_end: Callable[[gevent.Greenlet], object]) -> None:
        super().__init__()
        self._on_end = on_end

    def add(self, greenlet: gevent.Greenlet) -> None:
        """Add the greenlet of a user."""
        super().add(greenlet)
        greenlet.link(self._on_end)


def session_of(environment: Environment) -> Session:
    """The shared state of a load test.

    Under plain Locust, where nobody opened one, the first user does: its targets are those declared with
    `declare_targets`, or else Locust's `--host`, and what users count is fed to Locust's statistics.

    Raises ValueError if no target is known.
    """
    found: Session | None = getattr(environment, "portcompare_session", None)
    if found is None:
        environment.portcompare_session = found = Session(targets=targets_of(environment))
        gevent.spawn(call_every_second, feed, environment, found)
        # Locust works out its exit code when it is quitting, which after a signal is before the test stops.
        for end in (environment.events.test_stop, environment.events.quitting):
            end.add_listener(lambda **_: feed(environment, found))
    return found


def targets_of(environment: Environment) -> tuple[Target, ...]:
    """The servers on Locust's command line, declared ones or `--host`; raises ValueError if none is named."""
    options = vars(environment.parsed_options) if environment.parsed_options else {}
    declared = tuple(
        Target(name=name, url=options[option])
        for option, name in DECLARED_TARGETS.items()
        if options.get(option)
    )
    if declared:
        return declared
    if environment.host:
        return (Target(name="", url=environment.host),)
    known = [f"--{option.replace('_', '-')}" for option in DECLARED_TARGETS]
    raise ValueError(f"no server to load: give {' or '.join([*known, '--host'])}")


def feed(environment: Environment, session: Session) -> None:
    """Feed Locust's statistics, and the listeners of `COUNTED`, with what was counted since the last time."""
    tallies = session.recorder.cut()
    feed_locust(environment.stats, tallies)
    COUNTED.fire(environment=environment, session=session, tallies=tallies)


def call_every_second(function: Callable[..., None], *arguments: object) -> None:
    """Call a function every second, until the greenlet that does so is killed."""
    while True:
        gevent.sleep(1.0)
        function(*arguments)


def feed_locust(stats: RequestStats, tallies: Mapping[tuple[str, str], Tally]) -> None:
    """Add what was counted to Locust's statistics, as if each request had fired its event."""
    for (name, method), tally in tallies.items():
        times_ms = np.concatenate(
            [np.frombuffer(part) for part in (tally.latencies_s, *tally.failures_s.values())]
        )
        times_ms *= 1e3
        if not len(times_ms):
            continue
        for entry in (stats.entries[(name, method)], stats.total):
            _add(entry, times_ms, tally.received_bytes)
        for kind, failures_s in tally.failures_s.items():
            for _ in failures_s:
                stats.log_error(method, name, kind)


def _add(entry: StatsEntry, times_ms: np.ndarray, received_bytes: int) -> None:
    # The last one goes Locust's own way, which also keeps the cache behind its "current" percentiles.
    entry.log(float(times_ms[-1]), received_bytes)
    rest = times_ms[:-1]
    if not len(rest):
        return
    entry.num_requests += len(rest)
    entry.num_reqs_per_sec[int(time.time())] += len(rest)
    entry.total_response_time += float(rest.sum())
    entry.min_response_time = min(entry.min_response_time, float(rest.min()))
    entry.max_response_time = max(entry.max_response_time, float(rest.max()))
    # Locust's buckets meet at whole and half milliseconds: what lies between two of these shares a bucket.
    half_ms = np.floor(rest * 2)
    half_ms[half_ms != rest * 2] += 0.5
    for half, count in zip(*np.unique(half_ms, return_counts=True), strict=True):
        entry.response_times[bucket_response_time(float(half) / 2)] += int(count)
