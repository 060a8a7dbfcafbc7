"""The lean user: a Locust user that costs so little that it does not measure itself."""

from __future__ import annotations

import re
import sys
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, Final

import gevent
from locust import User, events, task
from locust.user.task import LOCUST_STATE_RUNNING

from portcompare.http.login import LoginFailed
from portcompare.loadgen.connection import Address, Connection, Dialer
from portcompare.loadgen.declare import (
    draw,
    find_login_problem,
    find_mix_problem,
    find_unfilled,
    log_in,
    steps_of,
)
from portcompare.loadgen.script import make_script
from portcompare.loadgen.session import SPARSE, session_of, targets_of
from portcompare.loadgen.tls import make_context
from portcompare.wire.protocol import WRONG_STATUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from locust.env import Environment

    from portcompare.loadgen.declare import Problem
    from portcompare.loadgen.script import Call
    from portcompare.loadgen.session import Target
    from portcompare.records.requests import LoginStep, RequestSpec

_STINT_S: Final = 1.0
"""How long a user stays in one Locust task: a task a request would cost as much as the request."""

_PAUSE_AFTER_BROKEN_EXCHANGE_S: Final = 0.1
"""A server that refuses or resets is not hammered at the speed of a loop."""

_PAUSE_AFTER_FAILED_LOGIN_S: Final = 0.5

_FIRST_BAD_STATUS: Final = 400

_HANDLER_MS = re.compile(rb"\r\nserver-timing:(?:[^\r]*[,\s])?app;dur=([0-9]+(?:\.[0-9]+)?)", re.IGNORECASE)


class LeanUser(User):
    """A user that sends its requests one after the other over its own keep-alive connection.

    Subclass it in a locustfile and say what it asks for:

        class Delayed(LeanUser):
            request = http_request("/data", query={"delay": "0.2"})

        class Visitor(LeanUser):
            requests = {http_request("/"): 3, http_request("/data"): 1}

    Attributes:
        request: What it asks for.
        requests: What it asks for instead, if it is more than one thing: each request and how often, compared
            with the others. Each name has its own line in the statistics. The n-th user of a class draws the
            same sequence in every test.
        login: What it does once before, as `login_step` declares it; what these steps keep fills `{name}`
            in the requests.
        timeout_s: An answer that takes longer is a failure.
        ca_file: A PEM bundle to trust, for https, instead of the system's certificates and certifi's.
        target: The server that this user loads.
    """

    abstract = True
    request: ClassVar[RequestSpec]
    requests: ClassVar[Mapping[RequestSpec, float]]
    login: ClassVar[Sequence[Sequence[LoginStep]]] = ()
    timeout_s: ClassVar[float] = 30.0
    ca_file: ClassVar[str | None] = None
    target: Target

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        session = session_of(environment)
        place, target = session.take_place(type(self))
        self._session = session
        self._is_new = True
        self._start_after_s = session.stagger_s * place / max(session.users, 1)
        script = session.share((type(self), target), lambda: make_script(type(self), target, session))
        self._script = script
        self.target = target
        # The number is such that the users of each target draw alike, and log in alike.
        self._number = place // len(session.targets)
        self._calls = draw(script.calls, script.weights, seed=self._number)
        dialer = Dialer(script.address, self.ca_file)
        self._connection = Connection(dialer, session.timeout_s or self.timeout_s)
        self._answers = 0
        self._unchecked = SPARSE  # so that the first answer is checked
        self._checked_connection = 0
        # A class with a waiting time of its own waits after each request, as everywhere in Locust.
        self._stint_s = _STINT_S if type(self).wait_time is LeanUser.wait_time else 0.0

    def on_stop(self) -> None:
        """Close the connection."""
        self._connection.close()

    @task
    def ask_for_a_while(self) -> None:
        """Ask again and again, for a second at a time, or until Locust wants the user to stop."""
        if self._is_new:
            self._begin()
            return
        until_s = perf_counter() + self._stint_s
        self.ask()
        while perf_counter() < until_s and self._state == LOCUST_STATE_RUNNING:
            self.ask()

    def _begin(self) -> None:
        """Wait for this user's turn to start, log in, and ask once."""
        gevent.sleep(self._start_after_s)
        if self.login and not self._log_in():
            return
        self._is_new = False
        self.ask()
        self._session.count_answered()

    def enter(self) -> None:
        """Log in, where the class says how, before requests of the open model are taken."""
        if self.login and self._log_in():
            self._session.count_answered()

    def _log_in(self) -> bool:
        """Log in, again and again until it works; False if Locust wants the user to stop before."""
        steps = steps_of(self.login, self._number)
        while self._state == LOCUST_STATE_RUNNING:
            try:
                kept = log_in(steps, self._connection, self._script.address)
            except LoginFailed as failed:
                self._count_failed_login(f"login: {failed}")
                gevent.sleep(_PAUSE_AFTER_FAILED_LOGIN_S)
            else:
                # What others are answered was never approved: only the first user's login was asked with.
                is_approved = steps == steps_of(self.login, 0)
                places = range(len(self._script.calls))
                own = self._script.filled(kept, is_approved=is_approved)
                self._calls = map(own, draw(places, self._script.weights, seed=self._number))
                return True
        return False

    def _count_failed_login(self, kind: str) -> None:
        self._session.hindrance = kind
        key = (f"{self.target.name} {type(self).__name__} login".lstrip(), "")
        self._session.lines[key] = (type(self).__name__, self.target.name)
        tally = self._session.recorder.tally(key)
        tally.failures_s[kind].append(self._connection.latency_s)
        tally.failed_s.append(self._connection.ended_s)

    def ask(self, due_s: float | None = None) -> None:
        """Send one request, wait for its answer and count it.

        Args:
            due_s: When it was due, in seconds of `time.perf_counter()`: its latency counts from then; None
                to count it from the send.
        """
        call = next(self._calls)
        connection = self._connection
        failure = connection.exchange(call.data, head_only=call.head_only)
        latency_s = connection.latency_s if due_s is None else connection.ended_s - due_s
        tally = self._session.recorder.tally(call.key)
        if connection.reconnects:
            tally.reconnects += connection.reconnects
            connection.reconnects = 0
        wrong = failure or self._find_wrong(call)
        if wrong is None:
            tally.latencies_s.append(latency_s)
            tally.ended_s.append(connection.ended_s)
            tally.received_bytes += connection.answer.received_bytes
            self._answers += 1
            if not self._answers % self._session.sample_every:
                handler = _HANDLER_MS.search(connection.answer.head)
                if handler:
                    tally.handler_s.append(float(handler[1]) / 1e3)
            return
        tally.failures_s[wrong].append(latency_s)
        tally.failed_s.append(connection.ended_s)
        if failure is not None:
            gevent.sleep(_PAUSE_AFTER_BROKEN_EXCHANGE_S)

    def _find_wrong(self, call: Call) -> str | None:
        """What is wrong with a whole answer: its status or its body; None if nothing is."""
        answer = self._connection.answer
        status = answer.status
        if status != call.expected_status and (
            call.expected_status is not None or status >= _FIRST_BAD_STATUS
        ):
            return f"{WRONG_STATUS}{status}"
        if call.expected_body is not None:
            if answer.body != call.expected_body:
                return call.wrong_body
        elif call.loose_body is not None and self._is_sampled() and not call.loose_body.matches(answer.body):
            return call.wrong_body
        return None

    def _is_sampled(self) -> bool:
        """Whether to check an answer: the first of each connection, and every so many."""
        made = self._connection.made
        self._unchecked += 1
        if self._unchecked < SPARSE and made == self._checked_connection:
            return False
        self._unchecked, self._checked_connection = 0, made
        return True


def find_problem(user_class: type[LeanUser]) -> Problem | None:
    """What is wrong with a user class.

    Args:
        user_class: The class.

    Returns:
        What was found and what to do; None if it can be used.
    """
    if user_class.ca_file is not None:
        try:
            make_context(user_class.ca_file)
        except OSError as error:
            found = f"{user_class.__name__}'s ca_file {user_class.ca_file!r} cannot be used: {error}"
            return found, "name a file of PEM certificates"
    return find_mix_problem(user_class) or find_login_problem(user_class)


@events.init.add_listener
def _end_where_users_would_fail(environment: Environment, **_: object) -> None:
    """Have plain Locust end with one clear line, where the first user would fail in the background."""
    lean = [user_class for user_class in environment.user_classes if issubclass(user_class, LeanUser)]
    for user_class in lean:
        problem = find_problem(user_class) or find_unfilled(user_class)
        if problem is not None:
            sys.exit(": ".join(problem))
    options = environment.parsed_options
    if (
        not lean or not options.headless or options.worker
    ):  # the web UI's user, or the master, names them later
        return
    try:
        targets = targets_of(environment)
        for target in targets:
            Address.of(target.url)
    except ValueError as error:
        sys.exit(str(error))
