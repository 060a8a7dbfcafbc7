"""One keep-alive HTTP/1.1 connection, one request at a time: the hot path.

What makes it fast: the request is bytes built once; the connection waits for readability before its first
`recv`, which would fail otherwise; one timer a connection, not one a request, checks the time limit.
"""

import errno
import select
from contextlib import suppress
from functools import cache
from time import perf_counter
from typing import Any, Final

import certifi
import gevent
from gevent import socket, ssl
from gevent.monkey import get_original

from portcompare.http.requests import Address
from portcompare.http.responses import ResponseReader
from portcompare.wire.protocol import CLOSED, REFUSED, RESET, TIMEOUT

UNRESOLVABLE: Final = "host cannot be resolved"
UNREACHABLE: Final = "cannot connect"
NO_FILE_LEFT: Final = "too many open files"
UNTRUSTED: Final = "TLS failure: certificate not trusted"
WRONG_NAME: Final = "TLS failure: certificate of another host"
EXPIRED: Final = "TLS failure: certificate expired"
NOT_YET_VALID: Final = "TLS failure: certificate not yet valid"
INVALID: Final = "TLS failure: certificate invalid"
REJECTED: Final = "TLS failure: rejected by the server"
HANDSHAKE_ABORTED: Final = "TLS failure: handshake aborted"
NOT_TLS: Final = "TLS failure: not TLS"

_RECEIVE_BYTES: Final = 64 * 1024
"""More than a TLS record, of at most 16 KiB: so each `recv` takes all that TLS has read, and nothing is left
pending in there, where waiting for readability would wait for ever."""

_READ: Final = 1  # libev's EV_READ
_CHECKS_PER_TIME_LIMIT: Final = 20

_poll: Final = get_original("select", "poll")  # Locust's monkey-patching would have it wait in the event loop
# Some servers send it before they close an idle connection.
_GIVEN_UP: Final = (b"HTTP/1.1 408 ", b"HTTP/1.0 408 ")
_ENDED: Final = (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError)


class _TimeLimitReached(BaseException):
    """Thrown into the waiting greenlet; a BaseException, so that no handler of OSErrors catches it."""


class Connection:
    """One connection; connects when first used and whenever the server has closed it.

    A request is sent once: only before anything of it is sent is a connection that the server has closed
    meanwhile replaced by another.
    """

    __slots__ = (
        "_closed_by_server",
        "_deadline_s",
        "_dialer",
        "_greenlet",
        "_hub",
        "_poll",
        "_socket",
        "_time_limit_s",
        "_timer",
        "_watcher",
        "closed_unannounced",
        "ended_s",
        "latency_s",
        "made",
        "reconnects",
        "response",
        "started_s",
    )

    def __init__(self, dialer: "Dialer", time_limit_s: float) -> None:
        self._dialer = dialer
        self._time_limit_s = time_limit_s
        self._socket: socket.socket | None = None
        self._greenlet: Any = None
        self._deadline_s = 0.0
        self._hub = gevent.get_hub()
        self._watcher: Any = None
        self._poll: Any = None  # Made once a connection: it is looked at before each request
        check_s = time_limit_s / _CHECKS_PER_TIME_LIMIT
        self._timer = self._hub.loop.timer(check_s, repeat=check_s)
        self._timer.start(self._end_late_exchange)
        self.response = ResponseReader()  # The response received last
        # When the last exchange started and ended, in seconds of `time.perf_counter()`
        self.started_s = self.ended_s = 0.0
        self.latency_s = 0.0  # From just before the send, or the connect if one was needed, to the end
        self.made = 0  # How many connections were made
        # Connections made because the server had closed the one before; those after failures do not count.
        # And how often it had closed one that its last response had kept. The reader sets both back to 0
        self.reconnects = self.closed_unannounced = 0
        self._closed_by_server = False

    def exchange(self, request: bytes, *, head_only: bool = False) -> str | None:
        """Send a request once and receive a response of any status.

        Returns the kind of failure, None for none.
        """
        started_s = self.started_s = perf_counter()
        self._deadline_s = started_s + self._time_limit_s
        self._greenlet = gevent.getcurrent()
        try:
            error = self._attempt(request, head_only=head_only)
        except _TimeLimitReached:
            error = TIMEOUT
        finally:
            self._greenlet = None
        self.ended_s = perf_counter()
        self.latency_s = self.ended_s - started_s
        if error is not None or not self.response.keep_alive:
            self._disconnect()
            self._closed_by_server = error is None
        return error

    @property
    def is_waiting(self) -> bool:
        """Whether an exchange is under way."""
        return self._greenlet is not None

    def close(self) -> None:
        """Close the connection and release its resources; it cannot be used again."""
        self._disconnect()
        self._timer.close()

    def _attempt(self, request: bytes, *, head_only: bool) -> str | None:
        try:
            error = self._look(self._socket) if self._socket is not None else None
            if error is not None:
                return error
            self.response.expect(head_only=head_only)
            was_open = self._socket is not None
            if self._socket is None:
                self._socket = self._connect()
            try:
                sent = self._socket.send(request)
            except _ENDED:  # it was reset before: nothing is sent
                if not was_open:
                    raise
                self._note_closed()
                self._socket = self._connect()
                sent = self._socket.send(request)
            if sent < len(request):
                self._socket.sendall(request[sent:])
            return self._receive(self._socket)
        except (OSError, UnicodeError, HandshakeError) as failure:
            return _name(failure)

    def _look(self, sock: socket.socket) -> str | None:
        """Look whether the server has closed a connection, or has sent more than the last response."""
        if not self._poll.poll(0):
            return None
        sock.settimeout(0.0)
        try:
            data = sock.recv(_RECEIVE_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):  # a message of TLS itself
            return None
        except OSError:
            data = b""
        finally:
            sock.settimeout(None)
        if data and not data.startswith(_GIVEN_UP):
            return self.response.feed(data)
        self._note_closed()
        return None

    def _note_closed(self) -> None:
        self._disconnect()
        self._closed_by_server = True
        self.closed_unannounced += 1

    def _receive(self, sock: socket.socket) -> str | None:
        response, watcher, receive = self.response, self._watcher, sock.recv
        # What `Hub.wait` does, without its waiter: less memory for each user, less time for each response.
        to_hub, wake = self._hub.switch, self._greenlet.switch
        while not response.complete:
            watcher.start(wake)
            try:
                to_hub()
            finally:
                watcher.stop()
            data = receive(_RECEIVE_BYTES)
            if not data:
                return response.feed_end() if response.received_bytes else CLOSED
            error = response.feed(data)
            if error is not None:
                return error
        return None

    def _connect(self) -> socket.socket:
        connected = self._dialer.dial()
        self.made += 1
        self.reconnects += self._closed_by_server
        self._closed_by_server = False
        self._watcher = self._hub.loop.io(connected.fileno(), _READ)
        self._poll = _poll()
        self._poll.register(connected, select.POLLIN)
        return connected

    def _disconnect(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _end_late_exchange(self) -> None:
        """Run by the timer: end an exchange that is over its time limit."""
        if self._greenlet is not None and perf_counter() > self._deadline_s:
            self._greenlet.throw(_TimeLimitReached)


class HandshakeError(Exception):
    """A TLS handshake that failed; its text is the kind of failure."""


_KINDS: Final = (
    (ConnectionRefusedError, REFUSED),
    ((socket.gaierror, UnicodeError), UNRESOLVABLE),  # the latter: the name cannot even be encoded
    (_ENDED, RESET),
)

_BY_VERIFY_CODE: Final = {  # of OpenSSL's x509_vfy.h
    9: NOT_YET_VALID,
    10: EXPIRED,
    18: UNTRUSTED,  # self-signed
    19: UNTRUSTED,  # self-signed at the end of the chain
    20: UNTRUSTED,  # issuer not available
    21: UNTRUSTED,  # first certificate not verifiable
    62: WRONG_NAME,  # host name
    64: WRONG_NAME,  # IP address
}


def _name(failure: OSError | UnicodeError | HandshakeError) -> str:
    """The kind of a failure: one of a few, whatever its text."""
    if isinstance(failure, HandshakeError):
        return str(failure)
    for types, kind in _KINDS:
        if isinstance(failure, types):
            return kind
    if isinstance(failure, ssl.SSLError):
        return tls_kind(failure)
    out_of_files = isinstance(failure, OSError) and failure.errno in (errno.EMFILE, errno.ENFILE)
    return NO_FILE_LEFT if out_of_files else UNREACHABLE


def tls_kind(error: OSError) -> str:
    """The kind of a TLS failure."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFY_CODE.get(error.verify_code, INVALID)
    if not isinstance(error, ssl.SSLError) or isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return HANDSHAKE_ABORTED
    return REJECTED if "ALERT" in (error.reason or "") else NOT_TLS


class Dialer:
    """Makes the connections of one user.

    The address that worked is kept: a server that closes each connection would otherwise have the time to
    resolve its name, in another thread, added to each of its latencies.
    """

    __slots__ = ("_address", "_context", "_known")

    def __init__(self, address: Address, ca_file: str | None) -> None:
        self._address = address
        self._context = make_context(ca_file) if address.secure else None
        self._known: tuple[int, tuple[str | int, ...]] | None = None

    def dial(self) -> socket.socket:
        """Make a connection.

        Raises OSError: the failure of the address tried last.
        Raises UnicodeError if the host's name cannot be one.
        Raises HandshakeError if the TLS handshake fails.
        """
        connected = self._connect()
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected if self._context is None else self._secure(connected, self._context)

    def _connect(self) -> socket.socket:
        # A known address that fails is forgotten, so that the name is resolved again next time.
        known, self._known = self._known, None
        if known is None:
            try:
                connected = socket.create_connection((self._address.host, self._address.port))
            except socket.gaierror:
                # The resolver hides that it had no file left; then no socket can be made either.
                socket.socket().close()
                raise
            with suppress(OSError):  # it may be reset by now
                known = connected.family, connected.getpeername()
        else:
            connected = socket.socket(known[0])
            try:
                connected.connect(known[1])
            except BaseException:  # the time limit and the end of the user too
                connected.close()
                raise
        self._known = known
        return connected

    def _secure(self, connected: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        host = self._address.host
        secured = context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)
        try:
            secured.do_handshake()
        except BaseException as error:  # the time limit and the end of the user too
            secured.close()
            if isinstance(error, OSError):
                raise HandshakeError(tls_kind(error)) from error
            raise
        return secured


@cache
def make_context(ca_file: str | None) -> ssl.SSLContext:
    """The TLS settings of a client, which always verifies certificate and host name.

    Made once a process, not once a user: reading all certificates takes long and much memory.

    `ca_file`: a PEM bundle to trust instead of the system's certificates and certifi's.
    Raises OSError if the bundle cannot be read or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is None:
        context.load_default_certs()
    context.load_verify_locations(certifi.where() if ca_file is None else ca_file)
    return context
