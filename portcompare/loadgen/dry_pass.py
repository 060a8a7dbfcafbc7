"""The dry pass: one user of a class runs for a moment, and a forwarder captures its requests."""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from http.client import responses
from time import perf_counter
from typing import Any, Final

import gevent
import locust
from gevent import socket
from gevent.event import Event
from gevent.pywsgi import WSGIHandler, WSGIServer
from locust import TaskSet, User

from portcompare.http.requests import Address, encode_request
from portcompare.loadgen.checks import CONNECTION_HEADERS
from portcompare.loadgen.connection import Connection, Dialer
from portcompare.loadgen.declare import Problem
from portcompare.loadgen.locust_users import stage
from portcompare.loadgen.session import WatchedUsers, describe_error
from portcompare.masking import mask_passwords
from portcompare.records.requests import RequestSpec
from portcompare.wire.protocol import Captured

Headers = tuple[tuple[str, str], ...]

_TIME_LIMIT_S: Final = 30.0
_BAD_GATEWAY: Final = 502
_WITHOUT_BODY: Final = (204, 304)
_HEAD: Final = "portcompare.head"  # The key, beside WSGI's own, of method, target and headers as sent
_SECURE: Final = re.compile(r";\s*secure\b", re.IGNORECASE)

MOST_REQUESTS: Final = 50  # Distinct requests; a class may make up new ones without end
TURNS_A_TASK: Final = 10
"""It ends when nothing new has come in so many tasks for each that there is. Each is as likely to come next:
that one of k was not among 10 k is less likely than k in 22,000 (e^10)."""

QUIET_S: Final = 2.0  # Or when nothing new has come for so long
LONGEST_S: Final = 10.0


def capture(user_class: type[User], url: str) -> Captured:
    """Capture the requests that one user of a class sends to a server."""
    watch = _Watch(user_class)
    listener = WSGIServer(("127.0.0.1", 0), handler_class=_Handler, log=None)
    listener.init_socket()
    forwarder = Forwarder(url, f"http://127.0.0.1:{listener.server_port}", watch.note_new)
    watch.forwarder_url = forwarder.url
    listener.application = forwarder
    listener.start()
    try:
        with _observed(watch):
            # All alike: a task that is rare under load is to be seen as well.
            runner = stage(user_class, forwarder.url, tasks=list(dict.fromkeys(user_class.tasks)))
            # The user may stop by itself; at the end its on_stop may raise.
            runner.user_greenlets = WatchedUsers(lambda user: watch.end(user.exception))
            try:
                runner.start(1, spawn_rate=1)
                runner.spawning_greenlet.join()
                if runner.spawning_greenlet.exception is not None:
                    watch.end(runner.spawning_greenlet.exception)
                watch.wait()
            finally:
                runner.quit()
    finally:
        listener.stop(timeout=0)
    requests = tuple(forwarder.requests)
    return Captured(
        requests=tuple(watch.with_expected_status(request, forwarder.statuses) for request in requests),
        varying=tuple(place for place, request in enumerate(requests) if request in forwarder.varying),
        elsewhere=tuple(watch.elsewhere),
        problem=_find_problem(user_class.__name__, watch, any_captured=bool(requests)),
    )


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
    """A WSGI application that forwards requests to a server, and its responses back.

    The server gets requests with its own name, as under load. Where its response names it, the client gets
    the forwarder's address instead, so that it follows links to the forwarder.
    """

    def __init__(self, url: str, own_url: str, on_new: Callable[[], None]) -> None:
        self._address = Address.of(url)
        self._server_url = f"{'https' if self._address.secure else 'http'}://{self._address.netloc}"
        self._dialer = Dialer(self._address, None)
        self._on_new = on_new
        self.url = own_url  # The forwarder's own address
        # The distinct requests in the order in which they first came, each with a hash of its first response
        self.requests: dict[RequestSpec, int | None] = {}
        self.statuses: dict[RequestSpec, int] = {}  # Of their first responses
        self.varying: set[RequestSpec] = set()  # Those whose responses differed

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Handle a request."""
        request = self._read(environ)
        if request not in self.requests and len(self.requests) < MOST_REQUESTS:
            self.requests[request] = None
            self._on_new()
        status, headers, body = self._forward(request)
        response = hash((status, body))
        first = self.requests.get(request, response)
        if first is None:
            self.requests[request] = response
            self.statuses[request] = status
        elif first != response:
            self.varying.add(request)
        start_response(f"{status} {responses.get(status, '')}", self._for_client(request, status, headers))
        is_bare = request.method == "HEAD" or status in _WITHOUT_BODY
        return [] if is_bare else [_replace(body, self._server_url, self.url)]

    def _read(self, environ: dict[str, Any]) -> RequestSpec:
        method, target, sent = environ[_HEAD]
        return RequestSpec(
            name=mask_passwords(f"{method} {target}"),
            method=method,
            target=target,
            headers=tuple(
                (name, _replace_text(value, self.url, self._server_url)) for name, value in _end_to_end(sent)
            ),
            body=_replace(environ["wsgi.input"].read(), self.url, self._server_url),
        )

    def _forward(self, request: RequestSpec) -> tuple[int, Headers, bytes]:
        # Not encoded, so that addresses in the response can be read; the captured header is the client's.
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
        response = connection.response
        return response.status, tuple(response.headers()), response.body

    def _for_client(self, request: RequestSpec, status: int, headers: Headers) -> list[tuple[str, str]]:
        """The headers of a response as the client gets them."""
        own = []
        for name, value in _end_to_end(headers):
            # The client speaks plain HTTP here, and would not send such a cookie back.
            is_secured = self._address.secure and name.lower() == "set-cookie"
            sent = _SECURE.sub("", value) if is_secured else value
            own.append((name, _replace_text(sent, self._server_url, self.url)))
        if request.method == "HEAD" and status not in _WITHOUT_BODY:  # the length of what it does not have
            own += [pair for pair in headers if pair[0].lower() == "content-length"]
        return own


def _end_to_end(headers: Headers) -> Headers:
    """The headers that are not for this one connection alone."""
    values = [value for name, value in headers if name.lower() == "connection"]
    named = {token.strip().lower() for value in values for token in value.split(",")}
    return tuple(pair for pair in headers if pair[0].lower() not in CONNECTION_HEADERS | named)


def _replace(content: bytes, url: str, other_url: str) -> bytes:
    """Content in which one address stands for another, where it stands as a whole."""
    return re.sub(re.escape(url.encode()) + rb"(?![\w.:-])", other_url.encode(), content)


def _replace_text(value: str, url: str, other_url: str) -> str:
    return _replace(value.encode("latin-1"), url, other_url).decode("latin-1")


class _Watch:
    """What happens in a dry pass, and whether that is enough."""

    def __init__(self, user_class: type[User]) -> None:
        self.forwarder_url = ""  # The host that the user has
        self.elsewhere: dict[str, None] = {}  # The addresses of requests to other hosts, in order
        self.error: BaseException | None = None  # What it raised first
        self._accepted: set[tuple[str, str]] = set()  # Method and target of what it called a success
        tasks: set[object] = set()  # Of the class and of its sets of tasks, whatever their weights
        coming = list(user_class.tasks)
        while coming:
            task = coming.pop()
            if task not in tasks:
                tasks.add(task)
                coming += getattr(task, "tasks", ())
        self._turns_left = self._turns = TURNS_A_TASK * max(len(tasks), 1)
        self._requests_left = MOST_REQUESTS
        self._began_s = self._new_s = perf_counter()
        self._over = Event()

    def note_new(self) -> None:
        """Note that a distinct request came for the first time."""
        self._new_s = perf_counter()
        self._turns_left = self._turns
        self._requests_left -= 1
        if not self._requests_left:
            self._over.set()

    def note_turn(self) -> None:
        """Note that a task is over, and go on to the next one at once; after the last one, not at all."""
        self._turns_left -= 1
        if self._turns_left <= 0:
            self._over.set()
        gevent.sleep(LONGEST_S if self._over.is_set() else 0)

    def note_request(
        self,
        request_type: str = "",
        url: str | None = None,
        exception: BaseException | None = None,
        **_: object,
    ) -> None:
        """Take in a request event, which may be of a request to another host."""
        if url and not str(url).startswith(self.forwarder_url):
            self.elsewhere[str(url).partition("?")[0]] = None
        elif url and exception is None:
            self._accepted.add((request_type, str(url).removeprefix(self.forwarder_url)))

    def with_expected_status(self, request: RequestSpec, statuses: Mapping[RequestSpec, int]) -> RequestSpec:
        """A request with the status of an error that the class has called a success."""
        status = statuses.get(request, 0)
        if status < HTTPStatus.BAD_REQUEST or (request.method, request.target) not in self._accepted:
            return request
        return replace(request, expected_status=status)

    def end(self, exception: BaseException | None = None, **_: object) -> None:
        """Have the dry pass end, with what left a task as an exception if anything did."""
        self.error = self.error or exception
        self._over.set()

    def wait(self) -> None:
        """Wait until it is over."""
        while not self._over.is_set():
            left_s = min(self._new_s + QUIET_S, self._began_s + LONGEST_S) - perf_counter()
            if left_s <= 0:
                return
            self._over.wait(left_s)


@contextmanager
def _observed(watch: _Watch) -> Iterator[None]:
    """Listen to Locust's events, skip all waiting, and seed `random` so that each run has the same cases."""
    state, wait = random.getstate(), TaskSet.wait
    random.seed(0)

    def take_turn(tasks: TaskSet) -> None:
        tasks.wait_time()  # which may raise
        watch.note_turn()

    TaskSet.wait = take_turn
    locust.events.request.add_listener(watch.note_request)
    locust.events.user_error.add_listener(watch.end)
    try:
        yield
    finally:
        locust.events.request.remove_listener(watch.note_request)
        locust.events.user_error.remove_listener(watch.end)
        TaskSet.wait = wait
        random.setstate(state)


def _find_problem(name: str, watch: _Watch, *, any_captured: bool) -> Problem | None:
    if watch.error is not None:
        found = f"{name}.{describe_error(watch.error)} when one user of it ran against the baseline"
        return found, "correct the class; it must catch an exception that it raises on purpose"
    if any_captured:
        return None
    if watch.elsewhere:
        others = ", ".join(watch.elsewhere)
        return (
            f"{name} sends requests to {others}, and none to the host that it is given",
            'use paths, `self.client.get("/path")`, or addresses that begin with `self.host`',
        )
    return f"{name} sent no request to its host", "give it a task that sends one at once"
