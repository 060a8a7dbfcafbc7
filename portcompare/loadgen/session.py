"""What the users of one load test share: their targets, what they expect, and where they count."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import gevent
import numpy as np
from gevent.event import Event
from locust.event import EventHook
from locust.stats import bucket_response_time

from portcompare.loadgen.arrivals import WHOLE, Share
from portcompare.loadgen.figures import Recorder
from portcompare.records.requests import Expectation

if TYPE_CHECKING:
    from collections.abc import Callable

    from locust import User
    from locust.env import Environment
    from locust.stats import RequestStats, StatsEntry

    from portcompare.loadgen.figures import Tally


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


Shared = TypeVar("Shared")

_FEED_EVERY_S = 1.0

COUNTED = EventHook()
"""Fired with `environment`, `session` and `tallies` each time that what users counted is fed to Locust."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server under load."""

    name: str  # What tables call it; empty where there is only one
    url: str  # Its address


SPARSE = 64
"""How rarely answers are sampled where there are so many that looking at each would cost too much."""


@dataclass(slots=True, kw_only=True, weakref_slot=True)
class Session:
    """The shared state of one load test in one process."""

    targets: tuple[Target, ...]  # The servers; users are spread over them evenly
    users: int = 0  # How many users are to come in all processes; 0 where that is not known beforehand
    part: Share = WHOLE  # This process's share of them
    stagger_s: float = 0.0  # Over how long their starts are spread
    timeout_s: float | None = None  # Time limit of an answer; None to leave it to the user classes
    recorder: Recorder = field(default_factory=Recorder)  # Where users count
    # `Server-Timing` is read on every so many answers of a user; the same for all answers, so that slow ones
    # do not weigh more
    sample_every: int = SPARSE
    # Set when each user of this process has had an answer or a failure; where the open model logs in, when
    # each has
    all_answered: Event = field(default_factory=Event)
    answered: int = 0
    hindrance: str = ""  # Why a user could not log in, of the failures the last; empty if all could
    # What answers must look like, by the request's place in its class
    expectations: Mapping[int, Expectation] = field(default_factory=dict)
    # For each key that users count under, whose line it is: the user class's name and the target's
    lines: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    _places: dict[type, tuple[int, int]] = field(default_factory=dict)
    _shared: dict[Hashable, Any] = field(default_factory=dict)

    def share(self, key: Hashable, make: Callable[[], Shared]) -> Shared:
        """Make once what many users need alike: thousands of them take memory."""
        if key not in self._shared:
            self._shared[key] = make()
        shared: Shared = self._shared[key]
        return shared

    def take_place(self, user_class: type[User]) -> tuple[int, Target]:
        """Give a new user its place.

        The users of each class are spread by themselves: Locust starts classes in turn, and of two classes
        and two targets each would get the other one. Each class begins with another target, and so does each
        process, which may have a single user.
        """
        first, place = self._places.get(user_class, (len(self._places), 0))
        self._places[user_class] = (first, place + 1)
        target = self.targets[(first + place + self.part.index) % len(self.targets)]
        return self.part.number(place), target

    def count_answered(self) -> None:
        """Note that one more user has had its first answer or failure."""
        self.answered += 1
        if self.answered == self.part.of(self.users):
            self.all_answered.set()


_SESSIONS: WeakKeyDictionary[Environment, Session] = WeakKeyDictionary()


def open_session(environment: Environment, session: Session) -> None:
    """Give a load test its shared state."""
    _SESSIONS[environment] = session


def session_of(environment: Environment) -> Session:
    """The shared state of a load test.

    Under plain Locust, where nobody opened one, the first user does: its targets are those declared with
    `declare_targets`, or else Locust's `--host`, and what users count is fed to Locust's statistics.

    Raises ValueError if no target is known.
    """
    found = _SESSIONS.get(environment)
    if found is None:
        found = Session(targets=targets_of(environment))
        open_session(environment, found)
        gevent.spawn(feed_forever, environment, found)
        # Locust works out its exit code when it is quitting, which after a signal is before the test stops.
        for end in (environment.events.test_stop, environment.events.quitting):
            end.add_listener(lambda **_: feed(environment, found))
    return found


def feed(environment: Environment, session: Session) -> None:
    """Feed Locust's statistics, and whoever listens, with what was counted since the last time."""
    tallies = session.recorder.cut()
    feed_locust(environment.stats, tallies)
    COUNTED.fire(environment=environment, session=session, tallies=tallies)


def feed_forever(environment: Environment, session: Session) -> None:
    """Feed them once a second."""
    while True:
        gevent.sleep(_FEED_EVERY_S)
        feed(environment, session)


def targets_of(environment: Environment) -> tuple[Target, ...]:
    """The servers that Locust's command line names: those declared with `declare_targets`, or `--host`.

    Raises ValueError if none is named.
    """
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
    asked = [f"--{option.replace('_', '-')}" for option in DECLARED_TARGETS]
    msg = f"no server to load: give {' or '.join([*asked, '--host'])}"
    raise ValueError(msg)


DECLARED_TARGETS: dict[str, str] = {}
"""Command line option and name of each declared target."""
