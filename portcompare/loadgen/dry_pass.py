"""The dry pass: one user of a class runs for a moment, to see what it asks for."""

from __future__ import annotations

import random
import re
import traceback
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.client import responses
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import gevent
import locust
from gevent import socket
from gevent.event import Event
from gevent.pywsgi import WSGIHandler, WSGIServer
from locust import TaskSet

from portcompare.http.requests import encode_request
from portcompare.loadgen.approved import CONNECTION_ONLY
from portcompare.loadgen.connection import Address, Connection, Dialer
from portcompare.loadgen.locust_users import stage
from portcompare.records.requests import RequestSpec
from portcompare.wire.protocol import Captured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from locust import User
    from locust.runners import LocalRunner

    from portcompare.loadgen.declare import Problem


if TYPE_CHECKING:
    Headers = tuple[tuple[str, str], ...]

_HOST: Final = "127.0.0.1"
_TIME_LIMIT_S: Final = 30.0
_BAD_GATEWAY: Final = 502
_WITHOUT_BODY: Final = (204, 304)

_HEAD: Final = "portcompare.head"
"""The key, beside WSGI's own, of method, target and headers as they were sent."""

_SECURE: Final = re.compile(r";\s*secure\b", re.IGNORECASE)


class _Handler(WSGIHandler):
    """Keeps the head of a request: WSGI itself decodes the path and joins headers."""

    def handle(self) -> None:
        # It sends head and body apart: else the body would wait until the client has acknowledged the head.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle()

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ[_HEAD] = (self.command, self.path, tuple(self.headers.items()))
        return environ


class Forwarder:
    """Passes requests on to a server, and its answers back.

    The server is asked under its own name, as under load. Where its answer names it, the client is told the
    forwarder's address instead, so that it comes back for what is linked there.
    """

    def __init__(self, url: str, own_url: str, most: int, on_new: Callable[[], None]) -> None:
        """Make a forwarder."""
        self._address = Address.of(url)
        self._server_url = f"{'https' if self._address.secure else 'http'}://{self._address.netloc}"
        self._dialer = Dialer(self._address, None)
        self._most = most
        self._on_new = on_new
        self.url = own_url  # The forwarder's own address
        # The distinct requests, in the order in which they were first asked; each with what tells its first
        # answer from others, once there is one
        self.requests: dict[RequestSpec, int | None] = {}
        self.varying: set[RequestSpec] = set()  # Those of them that were not answered alike each time

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Answer a request: the WSGI application."""
        request = self._read(environ)
        if request not in self.requests and len(self.requests) < self._most:
            self.requests[request] = None
            self._on_new()
        status, headers, body = self._ask(request)
        self._compare(request, hash((status, body)))
        bare = request.method == "HEAD" or status in _WITHOUT_BODY
        start_response(f"{status} {responses.get(status, '')}", self._backward(request, status, headers))
        return [] if bare else [_readdress(body, self._server_url, self.url)]

    def _compare(self, request: RequestSpec, answer: int) -> None:
        first = self.requests.get(request, answer)
        if first is None:
            self.requests[request] = answer
        elif first != answer:
            self.varying.add(request)

    def _read(self, environ: dict[str, Any]) -> RequestSpec:
        method, target, sent = environ[_HEAD]
        return RequestSpec(
            name=f"{method} {target}",
            method=method,
            target=target,
            headers=tuple((name, self._forward(value)) for name, value in _end_to_end(sent)),
            body=_readdress(environ["wsgi.input"].read(), self.url, self._server_url),
        )

    def _ask(self, request: RequestSpec) -> tuple[int, Headers, bytes]:
        # Plain, so that addresses in the answer can be read; what is noted says what the client accepts.
        others = tuple(pair for pair in request.headers if pair[0].lower() != "accept-encoding")
        plain = replace(request, headers=(*others, ("Accept-Encoding", "identity")))
        connection = Connection(self._dialer, _TIME_LIMIT_S)
        try:
            data = encode_request(plain, self._address.netloc)
            failure = connection.exchange(data, head_only=request.method == "HEAD")
        finally:
            connection.close()
        if failure is not None:
            return _BAD_GATEWAY, (), failure.encode()
        return connection.answer.status, tuple(connection.answer.headers()), connection.answer.body

    def _forward(self, value: str) -> str:
        return _readdress(value.encode("latin-1"), self.url, self._server_url).decode("latin-1")

    def _backward(self, request: RequestSpec, status: int, headers: Headers) -> list[tuple[str, str]]:
        """The headers of an answer as the client gets them."""
        told = [
            (name, _readdress(value.encode("latin-1"), self._server_url, self.url).decode("latin-1"))
            for name, value in _end_to_end(headers)
        ]
        if self._address.secure:  # the client speaks plain HTTP here, and would not send such a cookie back
            told = [
                (name, _SECURE.sub("", value) if name.lower() == "set-cookie" else value)
                for name, value in told
            ]
        if request.method == "HEAD" and status not in _WITHOUT_BODY:  # the length of what it does not have
            told += [pair for pair in headers if pair[0].lower() == "content-length"]
        return told


@contextmanager
def forwarding(url: str, most: int, on_new: Callable[[], None]) -> Iterator[Forwarder]:
    """Have a forwarder listen."""
    server = WSGIServer((_HOST, 0), handler_class=_Handler, log=None)
    server.init_socket()
    forwarder = Forwarder(url, f"http://{_HOST}:{server.server_port}", most, on_new)
    server.application = forwarder
    server.start()
    try:
        yield forwarder
    finally:
        server.stop(timeout=0)


def _end_to_end(headers: Headers) -> Headers:
    """The headers that are not for this one connection alone."""
    named = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == "connection"
        for token in value.split(",")
    }
    return tuple(pair for pair in headers if pair[0].lower() not in CONNECTION_ONLY | named)


def _readdress(content: bytes, url: str, other_url: str) -> bytes:
    """Content in which one address stands for another, where it stands as a whole."""
    return re.sub(re.escape(url.encode()) + rb"(?![\w.:-])", other_url.encode(), content)


MOST_REQUESTS: Final = 50
"""Distinct requests; what a class makes up anew each time has no end."""

TURNS_A_TASK: Final = 10
"""It ends when nothing new has come in so many tasks for each that there is. Each is as likely to come next:
that one of k was not among 10 k is less likely than k in 22,000 (e^10)."""

QUIET_S: Final = 2.0
"""Or when nothing new has come for so long."""

LONGEST_S: Final = 10.0


def capture(user_class: type[User], url: str) -> Captured:
    """See what a user class asks for."""
    watch = _Watch(user_class)
    with ExitStack() as stack:
        forwarder = stack.enter_context(forwarding(url, MOST_REQUESTS, watch.note_new))
        watch.forwarder_url = forwarder.url
        stack.enter_context(_hearing(watch))
        stack.enter_context(_seeded())
        stack.enter_context(_hurrying(watch.note_turn))
        # All alike: a task that is rare under load is to be seen as well.
        runner = stage(user_class, forwarder.url, tasks=list(dict.fromkeys(user_class.tasks)))
        try:
            _run_one(runner, watch)
        finally:
            runner.quit()
        return _account(user_class, forwarder, watch)


class _Watch:
    """What happens in a dry pass, and whether that is enough."""

    def __init__(self, user_class: type[User]) -> None:
        self.forwarder_url = ""  # The host that the user has been given
        self.elsewhere: dict[str, None] = {}  # The addresses that it asked instead, in order
        self.error: BaseException | None = None  # What it raised first
        self._turns_left = self._turns = TURNS_A_TASK * _count_tasks(user_class)
        self._requests_left = MOST_REQUESTS
        self._began_s = self._new_s = perf_counter()
        self._over = Event()

    def note_new(self) -> None:
        """Note that a request was asked for the first time."""
        self._new_s = perf_counter()
        self._turns_left = self._turns
        self._requests_left -= 1
        if not self._requests_left:
            self._over.set()

    def note_turn(self) -> None:
        """Note that a task is over; the last one does not end, so that no more follow."""
        self._turns_left -= 1
        if self._turns_left <= 0:
            self._over.set()
        if self._over.is_set():
            gevent.sleep(LONGEST_S)

    def note_request(self, url: str | None = None, **_: object) -> None:
        """Take in a request event: it tells of those that did not come by the forwarder."""
        if url and not str(url).startswith(self.forwarder_url):
            self.elsewhere[str(url).partition("?")[0]] = None

    def note_error(self, exception: BaseException, **_: object) -> None:
        """Take in what left a task as an exception."""
        self.end(exception)

    def end(self, error: BaseException | None = None) -> None:
        """Have the dry pass end."""
        self.error = self.error or error
        self._over.set()

    def wait(self) -> None:
        """Wait until it is over."""
        while not self._over.is_set():
            left_s = min(self._new_s + QUIET_S, self._began_s + LONGEST_S) - perf_counter()
            if left_s <= 0:
                return
            self._over.wait(left_s)


def _run_one(runner: LocalRunner, watch: _Watch) -> None:
    runner.start(1, spawn_rate=1)
    runner.spawning_greenlet.join()
    users = list(runner.user_greenlets)
    for user in users:
        user.link(lambda _: watch.end())  # it may stop by itself
    if runner.spawning_greenlet.exception is not None or not users:
        watch.end(runner.spawning_greenlet.exception)
    watch.wait()


def _account(user_class: type[User], forwarder: Forwarder, watch: _Watch) -> Captured:
    requests = tuple(forwarder.requests)
    return Captured(
        requests=requests,
        varying=tuple(place for place, request in enumerate(requests) if request in forwarder.varying),
        elsewhere=tuple(watch.elsewhere),
        problem=_find_problem(user_class.__name__, watch, any_captured=bool(requests)),
    )


def _find_problem(name: str, watch: _Watch, *, any_captured: bool) -> Problem | None:
    if watch.error is not None:
        found = f"{name} raised {_described(watch.error)} when one user of it ran against the baseline"
        return found, "correct the class; what it raises for a good reason, it must catch itself"
    if any_captured:
        return None
    if watch.elsewhere:
        others = ", ".join(watch.elsewhere)
        return (
            f"{name} asks {others}, and nothing of the host that it is given",
            'ask for paths, `self.client.get("/path")`, or for addresses that begin with `self.host`',
        )
    return f"{name} asked nothing of its host", "give it a task that asks for something at once"


def _described(error: BaseException) -> str:
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return said
    return f"{said} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"


def _count_tasks(user_class: type[User]) -> int:
    """How many tasks there are in a class and in its sets of tasks, whatever their weights."""
    seen: set[object] = set()
    coming = list(user_class.tasks)
    while coming:
        task = coming.pop()
        if task not in seen:
            seen.add(task)
            coming += getattr(task, "tasks", ())
    return max(len(seen), 1)


@contextmanager
def _hearing(watch: _Watch) -> Iterator[None]:
    """Listen to what Locust tells of the user."""
    listeners = (
        (locust.events.request, watch.note_request),
        (locust.events.user_error, watch.note_error),
    )
    for hook, listener in listeners:
        hook.add_listener(listener)
    try:
        yield
    finally:
        for hook, listener in listeners:
            hook.remove_listener(listener)


@contextmanager
def _seeded() -> Iterator[None]:
    """Have what is drawn by chance be drawn alike in each dry pass, so that each run has the same cases."""
    state = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(state)


@contextmanager
def _hurrying(on_turn: Callable[[], None]) -> Iterator[None]:
    """Have all users go from task to task without waiting, whatever their classes and sets of tasks say."""

    def go_on(_: TaskSet) -> None:
        on_turn()
        gevent.sleep(0)

    wait = TaskSet.wait
    TaskSet.wait = go_on
    try:
        yield
    finally:
        TaskSet.wait = wait
