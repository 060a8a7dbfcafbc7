"""Sending cases to a server, and the command line that sends the same."""

import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from shlex import quote
from time import monotonic

from portcompare.http.bodies import DecodedTooLarge, printable
from portcompare.http.login import Kept, LoginFailed, fill, keep_from
from portcompare.http.requests import Address, complete_headers, encode_request
from portcompare.http.responses import BodyTooLarge, Response, ResponseError, ResponseParser
from portcompare.http.sending import tls_context
from portcompare.masking import is_secret, mask_passwords
from portcompare.parity.bodies import decode
from portcompare.parity.logs import ServerLog
from portcompare.parity.streams import STREAM_LIMIT_S, StreamWatch
from portcompare.parity.url_variants import shape_of
from portcompare.records.requests import LoginStep, RequestSpec

PASSWORD_FIELD = re.compile(rb"(?i)<input[^>]+type\s*=\s*[\"']?password")

_RECEIVE_BYTES = 64 * 1024

# How long a server that keeps the connection open has for a body after the headers of a HEAD response.
_BODY_AFTER_HEAD_S = 0.2

# A longer body would bury the command line that it is part of.
_LONGEST_BODY_BYTES = 4096


@dataclass(slots=True)
class ArmClient:
    """Sends cases to the server of an arm, logged in where a case needs it."""

    url: str
    timeout_s: float  # How long a response may take
    log: ServerLog | None = None  # None if it is not known
    shown_url: str = ""  # For command lines, if it is another one
    _logins: dict[tuple[LoginStep, ...], Kept | LoginFailed] = field(default_factory=dict)
    _forms: set[LoginStep] = field(default_factory=set)  # The steps that were shown a password form last
    # What was kept last before each case
    _followed: dict[RequestSpec, Kept | LoginFailed] = field(default_factory=dict)
    _streams: set[str] = field(default_factory=set)  # The routes whose responses did not end

    def failed_login(self, case: RequestSpec) -> str:
        """What failed before a case, its login or the request that it follows; empty if nothing did."""
        result = self._followed.get(case, self._logins.get(case.login))
        return str(result) if isinstance(result, LoginFailed) else ""

    def login_shows_form(self, case: RequestSpec) -> bool:
        """Whether the last step of a case's login sent something, and was shown a password form."""
        step = case.login[-1]
        return step.request.method == "POST" and step in self._forms

    def forget_login(self, steps: tuple[LoginStep, ...]) -> None:
        """Log in again before the next case that needs it."""
        self._logins.pop(steps, None)

    def send(self, case: RequestSpec) -> Response:
        """Send a case; a login that fails is the error of its response."""
        if self.log is not None:
            self.log.set_mark()
        kept = self._prepare(case)
        if isinstance(kept, LoginFailed):
            return Response(server=self.url, error=str(kept))
        route = shape_of(case.path)
        limit_s = STREAM_LIMIT_S if route in self._streams else None
        response = send(self.url, _filled(case, kept), self.timeout_s, limit_s)
        if response.stream is not None:
            self._streams.add(route)
        return response

    def curl(self, case: RequestSpec) -> str:
        """A command line that sends this server a case."""
        kept = self._followed.get(case, self._log_in(case.login))
        return curl_line(
            self.shown_url or self.url, case if isinstance(kept, LoginFailed) else _filled(case, kept)
        )

    def _log_in(self, steps: tuple[LoginStep, ...]) -> Kept | LoginFailed:
        """Log in once; the result is kept, also that of a login that failed."""
        if steps not in self._logins:
            kept: Kept | LoginFailed = Kept()
            for number, step in enumerate(steps, start=1):
                if isinstance(kept, Kept):
                    kept = self._take(step, kept, f"login step {number}")
            self._logins[steps] = kept
        return self._logins[steps]

    def _prepare(self, case: RequestSpec) -> Kept | LoginFailed:
        """Log in if need be, and send what a case follows."""
        kept = self._log_in(case.login)
        if case.follows is None or isinstance(kept, LoginFailed):
            return kept
        self._followed[case] = self._take(case.follows, kept, "the request before it")
        return self._followed[case]

    def _take(self, step: LoginStep, kept: Kept, which: str) -> Kept | LoginFailed:
        """Send the request of a step."""
        request = step.request
        response = send(self.url, fill(request, kept), self.timeout_s)
        failure = response.error
        if response.status is not None:
            shows_form = PASSWORD_FIELD.search(decode(response)[0]) is not None
            self._forms = self._forms | {step} if shows_form else self._forms - {step}
            try:
                return keep_from(
                    step, kept, status=response.status, headers=response.headers, body=response.body
                )
            except LoginFailed as failed:
                failure = str(failed)
        return LoginFailed(f"{which}, {request.method} {request.target}: {failure}")


def _filled(case: RequestSpec, kept: Kept) -> RequestSpec:
    """A case filled with what was kept before it; without a login, braces are just braces."""
    return fill(case, kept) if case.login or case.follows else case


def send(url: str, case: RequestSpec, timeout_s: float, stream_limit_s: float | None = None) -> Response:
    """Send a case to a server, and receive the whole response, or the first part of one that does not end.

    `stream_limit_s`: how long after its headers a stream is read for its first part, in seconds; None to
    wait until it is too late to end.

    Each case has a connection of its own, so that no response depends on what another left there. The bytes
    are sent and received here and not by httpx, which takes several times as long and would hide a body after
    the headers of a HEAD response.
    """
    address = Address.of(url)
    parser = ResponseParser(head_only=case.method == "HEAD")
    watch = StreamWatch(parser, stream_limit_s)
    deadline_s = watch.began_s + timeout_s
    try:
        with _connect(address, timeout_s) as connection:
            # Some servers respond before they have received the whole request, and close the connection.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(encode_request(_as_sent(case), address.netloc))
            _receive(connection, watch, deadline_s)
    except (TimeoutError, BodyTooLarge) as failure:
        if watch.is_stream:
            return watch.response(address.netloc)
        if isinstance(failure, BodyTooLarge):
            return Response(server=address.netloc, error=str(failure))
        error = f"no complete response within {timeout_s:g} s (parity.timeout_s)"
        return Response(server=address.netloc, error=error)
    except (OSError, ResponseError, UnicodeEncodeError) as failure:
        return Response(server=address.netloc, error=_describe(failure))
    response = parser.response(address.netloc) if parser.complete else watch.response(address.netloc)
    try:
        response.decoded()
    except DecodedTooLarge as failure:  # at once: decoding it for each comparison would take long
        return Response(server=address.netloc, error=str(failure))
    except ValueError:
        pass  # a difference, or a flaw
    return response


def _as_sent(case: RequestSpec) -> RequestSpec:
    """A HEAD that has the connection closed, unless it says otherwise; another case as it is.

    Bytes between the headers and the end of the connection are then a body that should not be there.
    """
    if case.method != "HEAD" or case.header("Connection") is not None:
        return case
    return replace(case, headers=(*case.headers, ("Connection", "close")))


@contextmanager
def _connect(address: Address, timeout_s: float) -> Iterator[socket.socket]:
    with socket.create_connection((address.host, address.port), timeout_s) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not address.secure:
            yield connection
            return
        with tls_context().wrap_socket(connection, server_hostname=address.host) as secured:
            yield secured


def _receive(connection: socket.socket, watch: StreamWatch, deadline_s: float) -> None:
    parser = watch.parser
    while not parser.complete:
        parser.feed(_read(connection, min(deadline_s, watch.deadline_s)))
        watch.look()
        if watch.is_enough:
            return
    deadline_s = min(deadline_s, monotonic() + _BODY_AFTER_HEAD_S)
    with suppress(TimeoutError, ConnectionError):
        while parser.head_only and not parser.has_body and (data := _read(connection, deadline_s)):
            parser.feed(data)


def _read(connection: socket.socket, deadline_s: float) -> bytes:
    """Read what was received next; a TimeoutError once the deadline has passed."""
    left_s = deadline_s - monotonic()
    if left_s <= 0:
        raise TimeoutError
    connection.settimeout(left_s)
    return connection.recv(_RECEIVE_BYTES)


def _describe(error: Exception) -> str:
    match error:
        case ResponseError() | ssl.SSLError():
            return str(error)
        case UnicodeEncodeError():  # of a value that a login filled in
            return f"cannot be sent: {error.object[error.start : error.end]!r} is not latin-1"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionError():
            return "connection reset"
        case socket.gaierror():
            return "the host cannot be resolved"
    return f"cannot connect: {error}"


def curl_line(url: str, case: RequestSpec) -> str:
    """A shell command that sends a case, secret headers as variables."""
    words = ["curl", "-sS", "-i", "--globoff", "--path-as-is"]
    if case.method == "HEAD":
        words.append("--head")
    elif case.method != ("POST" if case.body else "GET"):
        words += ["-X", case.method]
    for name, value in complete_headers(_as_sent(case)):
        if name != "Content-Length" or not case.body:  # curl counts by itself
            header = quote(f"{name}: {value}" if value else f"{name};")
            if is_secret(name) and value:
                header = f'"{name}: ${re.sub("[^A-Z0-9]", "_", name.upper())}"'
            words += ["-H", header]
    pipe = ""
    if case.body:
        if case.header("Content-Type") is None:
            words += ["-H", "Content-Type:"]  # curl would add that of a form
        data, pipe = _curl_data(case.body)
        words += ["--data-binary", quote(data)]
    if case.target.startswith("/"):
        words.append(quote(url + mask_passwords(case.target)))
    else:
        words += ["--request-target", quote(mask_passwords(case.target)), quote(url)]
    return pipe + " ".join(words)


def _curl_data(body: bytes) -> tuple[str, str]:
    """The data argument for a body, and the command whose output it reads, if any."""
    if len(body) > _LONGEST_BODY_BYTES:
        return f"@BODY-OF-{len(body)}-BYTES", ""
    text = body.decode(errors="replace")
    if (masked := mask_passwords(text)) != text:
        return printable(masked), ""
    if text.encode() == body and text.isprintable() and not text.startswith("@"):
        return text, ""
    return "@-", f"printf %s {b64encode(body).decode()} | base64 -d | "
