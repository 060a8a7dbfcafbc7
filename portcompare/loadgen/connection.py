"""The hot path: one keep-alive HTTP/1.1 connection, one request at a time.

What makes it fast: the request is bytes built once; the connection waits for readability before its first
`recv`, which would fail otherwise; one timer a connection, not one a request, watches the time limit.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

import gevent
from gevent import socket, ssl

from portcompare.loadgen.response import AnswerReader
from portcompare.loadgen.tls import TlsError, kind_of, make_context, secure

_RECEIVE_BYTES: Final = 64 * 1024
"""More than a TLS record, of at most 16 KiB: so each `recv` takes all that TLS has read, and nothing is left
pending in there, where waiting for readability would wait for ever."""

_READ: Final = 1  # libev's EV_READ
_CHECKS_PER_TIME_LIMIT: Final = 20

REFUSED: Final = "connection refused"
UNRESOLVABLE: Final = "host cannot be resolved"
RESET: Final = "connection reset"
CLOSED: Final = "connection closed without an answer"
TIMEOUT: Final = "no whole answer in time"
UNREACHABLE: Final = "cannot connect"
NO_FILE_LEFT: Final = "too many open files"

_NAMES: Final = (
    (ConnectionRefusedError, REFUSED),
    ((socket.gaierror, UnicodeError), UNRESOLVABLE),  # the latter: it cannot even be encoded
    ((ConnectionResetError, BrokenPipeError, ssl.SSLEOFError), RESET),
)


class _TimeLimitReached(BaseException):
    """Thrown into the greenlet that waits; a BaseException, so that no handler of OSErrors takes it."""


class Connection:
    """One connection; connects when first used and whenever the server has closed it."""

    __slots__ = (
        "_deadline_s",
        "_dialer",
        "_ended_by_server",
        "_greenlet",
        "_hub",
        "_socket",
        "_time_limit_s",
        "_timer",
        "_watcher",
        "answer",
        "ended_s",
        "latency_s",
        "made",
        "reconnects",
    )

    def __init__(self, dialer: Dialer, time_limit_s: float) -> None:
        self._dialer = dialer
        self._time_limit_s = time_limit_s
        self._socket: socket.socket | None = None
        self._greenlet: Any = None
        self._deadline_s = 0.0
        self._hub = gevent.get_hub()
        self._watcher: Any = None
        check_s = time_limit_s / _CHECKS_PER_TIME_LIMIT
        self._timer = self._hub.loop.timer(check_s, repeat=check_s)
        self._timer.start(self._end_late_exchange)
        self.answer = AnswerReader()  # The answer received last
        self.ended_s = 0.0  # When the last exchange ended, in seconds of `time.perf_counter()`
        # From just before the request was sent to the end of its answer; with the time to connect where a
        # connection had to be made
        self.latency_s = 0.0
        self.made = 0  # How many connections were made
        # How often a connection was made because the server had ended the one before, announced or not; those
        # after failures do not count. For others to read and to set back to 0
        self.reconnects = 0
        self._ended_by_server = False

    def exchange(self, request: bytes, *, head_only: bool = False) -> str | None:
        """Send a request and receive its answer.

        Returns the kind of failure; None if there is a whole answer, whatever its status.
        """
        started_s = perf_counter()
        self._deadline_s = started_s + self._time_limit_s
        self._greenlet = gevent.getcurrent()
        try:
            error = self._exchange(request, head_only=head_only)
        except _TimeLimitReached:
            error = TIMEOUT
        finally:
            self._greenlet = None
        self.ended_s = perf_counter()
        self.latency_s = self.ended_s - started_s
        if error is not None or not self.answer.keep_alive:
            self._disconnect()
            self._ended_by_server = error is None
        return error

    def close(self) -> None:
        """Close the connection and give its resources back; it cannot be used again."""
        self._disconnect()
        self._timer.close()

    def _exchange(self, request: bytes, *, head_only: bool) -> str | None:
        was_open = self._socket is not None
        error = self._attempt(request, head_only=head_only)
        if was_open and error in (RESET, CLOSED) and not self.answer.received_bytes:
            # A server may end an idle connection at any time: not a failure of the request, but counted.
            self._disconnect()
            self._ended_by_server = True
            error = self._attempt(request, head_only=head_only)
        return error

    def _attempt(self, request: bytes, *, head_only: bool) -> str | None:
        self.answer.expect(head_only=head_only)
        try:
            if self._socket is None:
                self._socket = self._connect()
            sent = self._socket.send(request)
            if sent < len(request):
                self._socket.sendall(request[sent:])
            return self._receive(self._socket)
        except (OSError, UnicodeError, TlsError) as failure:
            return _name(failure)

    def _receive(self, sock: socket.socket) -> str | None:
        answer, watcher, receive = self.answer, self._watcher, sock.recv
        # What `Hub.wait` does, without its waiter: less memory for each user, and less time for each answer.
        to_hub, wake = self._hub.switch, self._greenlet.switch
        while not answer.complete:
            watcher.start(wake)
            try:
                to_hub()
            finally:
                watcher.stop()
            data = receive(_RECEIVE_BYTES)
            if not data:
                return answer.feed_end() if answer.received_bytes else CLOSED
            error = answer.feed(data)
            if error is not None:
                return error
        return None

    def _connect(self) -> socket.socket:
        connected = self._dialer.dial()
        self.made += 1
        self.reconnects += self._ended_by_server
        self._ended_by_server = False
        self._watcher = self._hub.loop.io(connected.fileno(), _READ)
        return connected

    def _disconnect(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _end_late_exchange(self) -> None:
        """Run by the timer again and again: end an exchange that is over its time limit."""
        if self._greenlet is not None and perf_counter() > self._deadline_s:
            self._greenlet.throw(_TimeLimitReached)


def _name(failure: OSError | UnicodeError | TlsError) -> str:
    """The kind of a failure: one of a few, whatever its text."""
    if isinstance(failure, TlsError):
        return failure.kind
    for kinds, name in _NAMES:
        if isinstance(failure, kinds):
            return name
    if isinstance(failure, ssl.SSLError):
        return kind_of(failure)
    out_of_files = isinstance(failure, OSError) and failure.errno in (errno.EMFILE, errno.ENFILE)
    return NO_FILE_LEFT if out_of_files else UNREACHABLE


class Dialer:
    """Makes the connections of one user.

    The address that answered is kept: a server that ends each connection would otherwise have the time to
    resolve its name, in another thread, added to each of its latencies.
    """

    __slots__ = ("_address", "_context", "_known")

    def __init__(self, address: Address, ca_file: str | None) -> None:
        self._address = address
        self._context = make_context(ca_file) if address.secure else None
        self._known: tuple[int, tuple[str | int, ...]] | None = None

    def dial(self) -> socket.socket:
        """Make a connection.

        Raises OSError if there is none: the failure of the address tried last.
        Raises UnicodeError if the host's name cannot be one.
        Raises TlsError if it cannot be secured.
        """
        connected = self._connect()
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is None:
            return connected
        return secure(connected, self._context, self._address.host)

    def _connect(self) -> socket.socket:
        # A known address that fails is forgotten, so that the next time asks for the name again.
        known, self._known = self._known, None
        if known is not None:
            return self._try(*known)
        *others, last = self._resolve()
        for other in others:  # of both families, perhaps, and the server listens on one
            try:
                return self._try(*other)
            except OSError:
                continue
        return self._try(*last)

    def _resolve(self) -> list[tuple[int, tuple[str | int, ...]]]:
        try:
            found = socket.getaddrinfo(self._address.host, self._address.port, 0, socket.SOCK_STREAM)
        except OSError:
            # The resolver hides that no file was left to ask with; then no socket can be made either.
            socket.socket().close()
            raise
        return [(family, place) for family, _, _, _, place in found]

    def _try(self, family: int, place: tuple[str | int, ...]) -> socket.socket:
        connected = socket.socket(family, socket.SOCK_STREAM)
        try:
            connected.connect(place)
        except BaseException:  # the time limit and the end of the user too
            connected.close()
            raise
        self._known = (family, place)
        return connected


_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to connect to, and what to call it in the Host header."""

    secure: bool  # True for TLS
    host: str  # Name or address, an IPv6 one without its brackets
    port: int  # The port
    netloc: str  # What the Host header says

    @classmethod
    def of(cls, url: str) -> Address:
        """The address in a URL.

        Raises ValueError if it is no such URL.
        """
        refused = f"{url!r} is not the address of a server"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ValueError(f"{refused}: {error}") from error
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
            raise ValueError(f"{refused}: it must begin with http:// or https:// and name a host")
        if parts.username is not None:
            # Not shown as it is: it may hold a password.
            raise ValueError(
                f"the address of {parts.hostname} names a user: send an Authorization header instead"
            )
        return cls(
            secure=parts.scheme == "https",
            host=parts.hostname,
            port=port or _DEFAULT_PORTS[parts.scheme],
            netloc=parts.netloc,
        )
