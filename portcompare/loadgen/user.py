"""The lean user: a Locust user that costs so little that it does not measure itself."""

from __future__ import annotations

import re
import sys
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, Final

import gevent
from locust import User, events, task

from portcompare.loadgen.address import Address, encode_request
from portcompare.loadgen.connection import Connection
from portcompare.loadgen.session import session_of, targets_of

if TYPE_CHECKING:
    from locust.env import Environment

    from portcompare.model import RequestSpec

_STINT_S: Final = 1.0
"""How long a user stays in one Locust task: a task a request would cost as much as the request."""

_PAUSE_AFTER_BROKEN_EXCHANGE_S: Final = 0.1
"""A server that refuses or resets is not hammered at the speed of a loop."""

_FIRST_BAD_STATUS: Final = 400

_SAMPLE_EVERY: Final = 64
_SLOW_S: Final = 0.01
"""`Server-Timing` is read on every 64th answer and on all that take 10 ms: there, time is plentiful."""

_HANDLER_MS = re.compile(rb"\r\nserver-timing:(?:[^\r]*[,\s])?app;dur=([0-9]+(?:\.[0-9]+)?)", re.IGNORECASE)

WRONG_BODY: Final = "wrong body"


class LeanUser(User):
    """A user that sends one request again and again over its own keep-alive connection.

    Subclass it in a locustfile and say what it asks for:

        class Delayed(LeanUser):
            request = http_request("/data", query={"delay": "0.2"})

    Attributes:
        request: What it asks for.
        timeout_s: An answer that takes longer is a failure.
    """

    abstract = True
    request: ClassVar[RequestSpec]
    timeout_s: ClassVar[float] = 30.0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        session = session_of(environment)
        place, target = session.take_place(type(self))
        address = Address.of(target.url)
        self._session = session
        self._start_after_s = session.stagger_s * place / max(session.users, 1)
        label = self.request.name.removeprefix(f"{self.request.method} ")
        self._key = (f"{target.name} {label}".lstrip(), self.request.method)
        self._bytes = encode_request(self.request, address)
        self._expected_status, self._expected_body = session.expected(self.request)
        self._connection = Connection(address, session.timeout_s or self.timeout_s)
        self._answers = 0
        # A class with a waiting time of its own waits after each request, as everywhere in Locust.
        self._stint_s = _STINT_S if type(self).wait_time is LeanUser.wait_time else 0.0

    def on_start(self) -> None:
        """Wait for this user's turn to start, and ask once."""
        gevent.sleep(self._start_after_s)
        self._ask()
        self._session.count_answered()

    def on_stop(self) -> None:
        """Close the connection."""
        self._connection.close()

    @task
    def ask_for_a_while(self) -> None:
        """Ask again and again, for a second at a time."""
        until_s = perf_counter() + self._stint_s
        self._ask()
        while perf_counter() < until_s:
            self._ask()

    def _ask(self) -> None:
        connection = self._connection
        failure = connection.exchange(self._bytes, head_only=self.request.method == "HEAD")
        tally = self._session.recorder.tally(self._key)
        tally.reconnects += connection.take_reconnects()
        wrong = failure or self._find_wrong()
        if wrong is None:
            tally.latencies_s.append(connection.latency_s)
            tally.ended_s.append(connection.ended_s)
            tally.received_bytes += connection.answer.received_bytes
            self._answers += 1
            if not self._answers % _SAMPLE_EVERY or connection.latency_s > _SLOW_S:
                handler = _HANDLER_MS.search(connection.answer.head)
                if handler:
                    tally.handler_s.append(float(handler[1]) / 1e3)
            return
        tally.failures_s[wrong].append(connection.latency_s)
        if failure is not None:
            gevent.sleep(_PAUSE_AFTER_BROKEN_EXCHANGE_S)

    def _find_wrong(self) -> str | None:
        """What is wrong with a whole answer: its status or its body; None if nothing is."""
        answer = self._connection.answer
        status = answer.status
        if status != self._expected_status and (
            self._expected_status is not None or status >= _FIRST_BAD_STATUS
        ):
            return f"status {status}"
        if self._expected_body is not None and answer.body != self._expected_body:
            return WRONG_BODY
        return None


@events.init.add_listener
def _end_without_targets(environment: Environment, **_: object) -> None:
    """Have plain Locust end with one clear line, where the first user would fail in the background."""
    options = environment.parsed_options
    if not options.headless or options.worker:  # the web UI's user, or the master, says later
        return
    if any(issubclass(user_class, LeanUser) for user_class in environment.user_classes):
        try:
            targets_of(environment)
        except ValueError as error:
            sys.exit(str(error))
