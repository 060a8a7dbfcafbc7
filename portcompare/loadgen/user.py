"""The lean user: a Locust user that costs so little that it does not measure itself."""

import re
import sys
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import ClassVar, Final, NoReturn

import gevent
from locust import User, events, task
from locust.env import Environment
from locust.user.task import LOCUST_STATE_RUNNING

from portcompare.http.login import LoginFailed, steps_of
from portcompare.http.requests import Address
from portcompare.loadgen import declare
from portcompare.loadgen.checks import SPARSE
from portcompare.loadgen.connection import Connection, Dialer
from portcompare.loadgen.open_model import Dispatcher
from portcompare.loadgen.session import Target, session_of, targets_of
from portcompare.records.requests import LoginStep, RequestSpec

_TASK_S: Final = 1.0
"""How long a user stays in one Locust task: a task a request would cost as much as the request."""

_PAUSE_AFTER_CONNECTION_FAILURE_S: Final = 0.1
"""A server that refuses or resets is not hammered at the speed of a loop."""

_PAUSE_AFTER_FAILED_LOGIN_S: Final = 0.5

_HANDLER_MS = re.compile(rb"\r\nserver-timing:(?:[^\r]*[,\s])?app;dur=([0-9]+(?:\.[0-9]+)?)", re.IGNORECASE)


class LeanUser(User):
    """A user that sends its requests one after the other over its own keep-alive connection.

    Subclass it in a locustfile and declare its requests:

        class Delayed(LeanUser):
            request = http_request("/data", query={"delay": "0.2"})

        class Visitor(LeanUser):
            requests = {http_request("/"): 3, http_request("/data"): 1}

    Attributes:
        request: Its request.
        requests: Its requests instead, if there are several, each with its weight. Each name has its own line
            in the statistics. The n-th user of a class draws the same sequence in every test.
        login: What it sends once before, as `login_step` declares it; what these steps keep fills `{name}`
            in the requests.
        timeout_s: A response that takes longer is a failure.
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
        if (type(self), target) not in session.scripts:
            session.scripts[type(self), target] = declare.make_script(type(self), target, session)
        self._script = script = session.scripts[type(self), target]
        self.target = target
        # The number is such that the users of each target draw alike, and log in alike.
        self._number = place // len(session.targets)
        self._calls = declare.draw(script.calls, script.weights, seed=self._number)
        dialer = Dialer(script.address, self.ca_file)
        self._connection = Connection(dialer, session.timeout_s or self.timeout_s)
        self._responses = 0
        self._unchecked = SPARSE  # so that the first response is checked
        self._checked_connection = 0
        self._due_s: float | None = None  # Of the request under way; None in the closed model
        session.waits.add(self._waits_since)
        # A class with a waiting time of its own waits after each request, as everywhere in Locust.
        self._task_s = _TASK_S if type(self).wait_time is LeanUser.wait_time else 0.0

    def on_stop(self) -> None:
        """Close the connection."""
        self._session.waits.discard(self._waits_since)
        self._connection.close()

    def _waits_since(self) -> float | None:
        if not self._connection.is_waiting:
            return None
        return self._connection.started_s if self._due_s is None else self._due_s

    @task
    def send_requests(self) -> None:
        """Send requests for a second at a time, or until Locust wants the user to stop."""
        if self._is_new:
            gevent.sleep(self._start_after_s)
            if not self.login or self._log_in():
                self._is_new = False
                self.send_request()
                self._session.count_ready()
            return
        gate = self._session.gate
        # Without end: Locust's own turn between two tasks would come between a response and the next request.
        while gate is not None:
            gate.wait()
            self.send_request()
            while perf_counter() < gate.closes_at_s:
                self.send_request()
        until_s = perf_counter() + self._task_s
        self.send_request()
        while perf_counter() < until_s and self._state == LOCUST_STATE_RUNNING:
            self.send_request()

    def send_when_due(self, dispatcher: Dispatcher) -> NoReturn:
        """Log in, if the class declares how, and then send each request of the open model when it is due."""
        if self.login and self._log_in():
            self._session.count_ready()
        # Without end: Locust's own turn between two tasks would come between a response and the next request.
        while True:
            self.send_request(due_s=dispatcher.take())

    def _log_in(self) -> bool:
        """Log in, again and again until it works; False if Locust wants the user to stop before."""
        steps = steps_of(self.login, self._number)
        while self._state == LOCUST_STATE_RUNNING:
            try:
                kept = declare.log_in(steps, self._connection, self._script.address)
            except LoginFailed as failed:
                kind = self._session.login_error = f"login: {failed}"
                key = (f"{self.target.name} {type(self).__name__} login".lstrip(), "")
                self._session.lines[key] = (type(self).__name__, self.target.name)
                tally = self._session.recorder.tally(key)
                tally.failures_s[kind].append(self._connection.latency_s)
                tally.failed_s[kind].append(self._connection.ended_s)
                gevent.sleep(_PAUSE_AFTER_FAILED_LOGIN_S)
            else:
                # Parity logged in as the first user only: the responses to others were never approved.
                is_approved = steps == steps_of(self.login, 0)
                places = range(len(self._script.calls))
                own = self._script.filled(kept, is_approved=is_approved)
                self._calls = map(own, declare.draw(places, self._script.weights, seed=self._number))
                return True
        return False

    def send_request(self, due_s: float | None = None) -> None:
        """Send one request, wait for its response and count it.

        Args:
            due_s: When it was due, in seconds of `time.perf_counter()`: its latency counts from then; None
                to count it from the send.
        """
        call = next(self._calls)
        connection = self._connection
        self._due_s = due_s
        failure = connection.exchange(call.data, head_only=call.head_only)
        latency_s = connection.latency_s if due_s is None else connection.ended_s - due_s
        tally = self._session.recorder.tally(call.key)
        if connection.reconnects:
            tally.reconnects += connection.reconnects
            tally.closed_unannounced += connection.closed_unannounced
            connection.reconnects = connection.closed_unannounced = 0
        wrong = failure or call.find_wrong(connection.response, self._is_sampled)
        if wrong is None:
            tally.latencies_s.append(latency_s)
            tally.ended_s.append(connection.ended_s)
            tally.received_bytes += connection.response.received_bytes
            self._responses += 1
            if not self._responses % self._session.sample_every:
                handler = _HANDLER_MS.search(connection.response.head)
                if handler:
                    tally.handler_s.append(float(handler[1]) / 1e3)
            return
        tally.failures_s[wrong].append(latency_s)
        tally.failed_s[wrong].append(connection.ended_s)
        if failure is not None:
            gevent.sleep(_PAUSE_AFTER_CONNECTION_FAILURE_S)
        elif wrong not in tally.wrong_examples:
            tally.wrong_examples[wrong] = call.describe_wrong(connection.response)

    def _is_sampled(self) -> bool:
        """Whether to check a response: the first of each connection, and every so many."""
        made = self._connection.made
        self._unchecked += 1
        if self._unchecked < SPARSE and made == self._checked_connection:
            return False
        self._unchecked, self._checked_connection = 0, made
        return True


@events.init.add_listener
def _prepare_plain_locust(environment: Environment, **_: object) -> None:
    """Have plain Locust measure for its whole run time, and end with one line where users would fail."""
    # Its clock for `--run-time` would begin at the loop's last turn: before all that was imported since.
    gevent.get_hub().loop.update_now()
    lean = [user_class for user_class in environment.user_classes if issubclass(user_class, LeanUser)]
    for user_class in lean:
        problem = declare.find_problem(user_class) or declare.find_unfilled(user_class)
        if problem is not None:
            sys.exit(": ".join(problem))
    options = environment.parsed_options
    if not lean or not options.headless or options.worker:
        return  # the web UI's user, or the master, names the targets later
    try:
        for target in targets_of(environment):
            Address.of(target.url)
    except ValueError as error:
        sys.exit(str(error))
