"""Locust's own users: their request events are counted, and their responses compared with approved ones."""

import math
import re
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Final

import gevent
import locust
from gevent import socket
from locust import User
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.event import Events
from locust.exception import CatchResponseError, ResponseError
from locust.runners import LocalRunner

from portcompare.loadgen.checks import ApprovedResponses
from portcompare.loadgen.connection import UNRESOLVABLE
from portcompare.loadgen.session import Session
from portcompare.wire.protocol import REFUSED, RESET, TIMEOUT, WRONG_STATUS

OTHER_FAILURES: Final = "other failures"

_MOST_KINDS: Final = 20
"""A failure's text may be another one each time, and each kind takes memory and room in the report."""

_LONGEST_KIND: Final = 80
_FIRST_BAD_STATUS: Final = 400
_HANDLER_MS: Final = re.compile(r"(?:^|[,\s])app;dur=([0-9]+(?:\.[0-9]+)?)")
_MEMORY_ADDRESS: Final = re.compile(r"0x[0-9a-f]+")
_KINDS: Final = (
    (ConnectionRefusedError, REFUSED),
    (socket.gaierror, UNRESOLVABLE),
    ((ConnectionResetError, BrokenPipeError), RESET),
    ((TimeoutError, gevent.Timeout), TIMEOUT),
)


def stage(user_class: type[User], url: str, **attributes: Any) -> LocalRunner:  # noqa: ANN401 - a class's own
    """Set up a load test of one user class, and start none of its users yet.

    As under Locust's command line, the listeners of the locustfile receive all events,
    `environment.parsed_options` has the defaults of its options, and `init` is fired.
    """
    # Weight and count are shares among several classes; here there is one.
    own = {"abstract": False, "host": url, "weight": 1, "fixed_count": 0}
    staged = type(user_class.__name__, (user_class,), own)
    for name, value in attributes.items():  # afterwards: Locust adds tasks in the body to those of the base
        setattr(staged, name, value)
    # Events of its own, passed on to the global ones, where locustfiles listen and some clients fire: each
    # load test leaves listeners behind, so the global ones cannot be its own.
    events = Events()
    for name, hook in vars(locust.events).items():
        getattr(events, name).add_listener(hook.fire)
    environment = Environment(
        user_classes=[staged],
        events=events,
        host=url,
        parsed_options=get_parser(default_config_files=[]).parse_args([]),
    )
    runner = environment.create_local_runner()
    environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
    return runner


class EventCounter:
    """Counts the request events of one load test as lean users count themselves."""

    def __init__(self, session: Session, approved: ApprovedResponses) -> None:
        self._session = session
        self._approved = approved
        self._responses = 0
        self._time_limit_s = session.timeout_s or math.inf
        self._starting: set[object] = set()  # Greenlets of users that run their on_start
        self._waiting: set[object] = set()  # And of those that wait for their first response
        # Whether some client's requests are known only once they have ended, by their events
        self.is_blind = False

    def stage(self, user_class: type[User], url: str) -> LocalRunner:
        """Set up the load test, and listen."""
        session = self._session

        def on_start(user: User) -> None:
            place, _ = session.take_place(type(user))
            gevent.sleep(session.stagger_s * place / max(session.users, 1))
            greenlet = gevent.getcurrent()
            self._starting.add(greenlet)
            user_class.on_start(user)
            self._watch(getattr(user, "client", None))
            self._starting.remove(greenlet)
            self._waiting.add(greenlet)

        runner = stage(user_class, url, on_start=on_start)
        # The global ones: some clients fire them, and what the environment fires is passed on to them.
        locust.events.request.add_listener(self._count)
        locust.events.user_error.add_listener(self._count_error)
        return runner

    def _watch(self, client: Any) -> None:  # noqa: ANN401 - of any client library
        """Have it known since when a client waits: an event reports a request only when it has ended."""
        send = getattr(client, "request", None)
        if send is None:
            self.is_blind = True
            return
        began_s: list[float] = []  # Of the requests under way

        def request(*args: object, **settings: object) -> object:
            own_s = perf_counter()
            began_s.append(own_s)
            try:
                return send(*args, **settings)
            finally:
                began_s.remove(own_s)

        client.request = request
        self._session.waits.add(lambda: began_s[0] if began_s else None)

    def stop(self) -> None:
        """Listen no more."""
        locust.events.request.remove_listener(self._count)
        locust.events.user_error.remove_listener(self._count_error)

    def _count(
        self,
        *,
        request_type: object,
        name: object,
        response_time: float | None,
        response_length: int | None,
        response: Any = None,  # noqa: ANN401 - of any client library
        exception: BaseException | str | None = None,
        **_: object,
    ) -> None:
        """Count one request; as everywhere in Locust, its client decides whether it failed."""
        ended_s = perf_counter()
        first = self._note_response()
        latency_s = (response_time or 0.0) / 1e3
        failure: str | None
        if exception:
            failure = _kind_of(exception, response)
        elif latency_s > self._time_limit_s:
            failure = TIMEOUT
        else:
            failure = self._approved.find_wrong(response, first=first)
        key = (str(name), str(request_type))
        if failure is not None:
            self._add_failure(key, failure, latency_s, ended_s)
        elif response_time is not None:  # None is Locust's own mark of an event that is no request
            tally = self._session.recorder.tally(key)
            tally.latencies_s.append(latency_s)
            tally.ended_s.append(ended_s)
            tally.received_bytes += response_length or 0
            self._responses += 1
            if not self._responses % self._session.sample_every:
                headers = getattr(response, "headers", None)
                timing = headers.get("server-timing") if isinstance(headers, Mapping) else None
                if found := _HANDLER_MS.search(str(timing)):
                    tally.handler_s.append(float(found[1]) / 1e3)

    def _count_error(self, *, user_instance: object, exception: BaseException, **_: object) -> None:
        """Count an exception that left a task: fewer requests were sent than the class says."""
        kind = f"raised {_described(exception)}"[:_LONGEST_KIND]
        self._add_failure((type(user_instance).__name__, "task"), kind, 0.0, perf_counter())
        self._note_response()

    def _add_failure(self, key: tuple[str, str], kind: str, latency_s: float, ended_s: float) -> None:
        tally = self._session.recorder.tally(key)
        if kind not in tally.failures_s and len(tally.failures_s) >= _MOST_KINDS:
            kind = OTHER_FAILURES
        tally.failures_s[kind].append(latency_s)
        tally.failed_s[kind].append(ended_s)

    def _note_response(self) -> bool:
        """Note a response to the user in whose greenlet, or in one that it spawned, the event was fired.

        Requests of its on_start, to log in as a rule, do not make it ready. Returns whether it is ready now.
        """
        if not self._waiting:
            return False
        greenlet: Any = gevent.getcurrent()
        while greenlet is not None and greenlet not in self._waiting:
            if greenlet in self._starting:
                return False
            spawner = getattr(greenlet, "spawning_greenlet", None)
            greenlet = spawner() if spawner else None
        if greenlet is None:  # fired from some pool: by a user, but nobody can say which
            greenlet = next(iter(self._waiting))
        self._waiting.remove(greenlet)
        self._session.count_ready()
        return True


def _kind_of(exception: BaseException | str, response: object) -> str:
    """A failure's kind: the lean user's where it has one, the class's own words where there are any."""
    if isinstance(exception, str):
        return _one_line(exception)
    if isinstance(exception, CatchResponseError | ResponseError | AssertionError):
        return _one_line(str(exception)) or type(exception).__name__
    status = getattr(response, "status_code", None) or 0
    if status >= _FIRST_BAD_STATUS:
        return f"{WRONG_STATUS}{status}"
    for types, kind in _KINDS:
        if isinstance(exception, types):
            return kind
    return _described(exception)


def _described(exception: BaseException) -> str:
    name = type(exception).__name__
    return _one_line(f"{name}: {exception}" if str(exception) else name)


def _one_line(text: str) -> str:
    return _MEMORY_ADDRESS.sub("0x...", " ".join(text.split()))[:_LONGEST_KIND]
