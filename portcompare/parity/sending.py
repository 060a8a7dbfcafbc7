"""A case as a command line, so that everybody can ask it again."""

from __future__ import annotations

import re
import socket
import ssl
from base64 import b64encode
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from shlex import quote
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import certifi
import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from portcompare.http.bodies import without_address
from portcompare.http.login import Kept, LoginFailed, fill, keep_from
from portcompare.http.requests import complete_headers, encode_request
from portcompare.masking import is_secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import SplitResult

    from portcompare.records.requests import LoginStep, RequestSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer, or the error that stands for none."""

    server: str  # Host and port it was asked at, as in the Host header
    status: int | None = None  # The HTTP status code; None if there was no complete answer
    # Name and value pairs in the order of the answer, the names in lower case
    headers: tuple[tuple[str, str], ...] = ()
    # The bytes as sent: still encoded as Content-Encoding says. Of the answer to a HEAD request, which should
    # have none, whatever came after its headers
    body: bytes = b""
    error: str = ""  # Why there is no complete answer; empty if there is one

    def lines(self, name: str) -> list[str]:
        """The values of a header, one for each line, the server's own address replaced by a placeholder."""
        return [
            without_address(value.encode("latin-1"), self.server).decode("latin-1")
            for given, value in self.headers
            if given == name
        ]

    def header(self, name: str) -> str | None:
        """A header's value, the server's own address replaced by a placeholder.

        Returns the value, or None if it is absent. What is sent in several lines is joined by commas, as RFC
        9110, section 5.3 says; for cookies, which may contain commas, see `lines`.
        """
        values = self.lines(name)
        return ", ".join(values) if values else None

    @property
    def portable_body(self) -> bytes:
        """The body as sent, the server's own address replaced by a placeholder."""
        return without_address(self.body, self.server)

    @property
    def content(self) -> bytes:
        """The body as the app meant it: decoded, the server's own address replaced by a placeholder.

        It stays encoded where no decoder is at hand, or where it is not what Content-Encoding says.
        """
        encoding = self.header("content-encoding")
        if not encoding:
            return self.portable_body
        try:
            decoded = httpx.Response(200, headers={"Content-Encoding": encoding}, content=self.body).content
        except httpx.DecodingError:
            return self.portable_body
        return without_address(decoded, self.server)


MOST_BODY_BYTES = 64 * 1024 * 1024

_FIRST_FINAL_STATUS = 200
_SWITCHING_PROTOCOLS = 101
_END_OF_HEAD = b"\r\n\r\n"


class BrokenAnswerError(Exception):
    """What came back is no whole answer; the text says in what way."""


class AnswerParser:
    """Reads one answer, fed with the bytes of its connection.

    The load generator has a reader of its own, which looks at no headers: each would cost it time.
    """

    def __init__(self, *, head_only: bool) -> None:
        """Get ready for an answer."""
        self._parser = HttpResponseParser(self)
        self.head_only = head_only  # True for the answer to a HEAD request
        self._headers: list[tuple[str, str]] = []
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self._status = 0
        self.head_complete = False  # True when the status and all headers are there
        self.complete = False  # True when the answer is whole

    @property
    def has_body(self) -> bool:
        """Whether any byte of a body has come."""
        return self._size_bytes > 0

    def feed(self, data: bytes) -> None:
        """Take in what was received.

        Raises BrokenAnswerError: it is no answer, or not a whole one.
        """
        if not data:
            self._end()
            return
        was_head_complete = self.head_complete
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.complete = True
        except HttpParserError:
            if self.complete:  # what follows is no part of the answer
                return
            if not self.head_only or not self.head_complete:
                raise BrokenAnswerError("garbage instead of HTTP") from None
            if not self.has_body:  # it follows headers that promise no body even to a GET
                self.on_body(data if was_head_complete else data.partition(_END_OF_HEAD)[2])
        if self._size_bytes > MOST_BODY_BYTES:
            raise BrokenAnswerError(f"a body of more than {MOST_BODY_BYTES:,} bytes")

    def answer(self, server: str) -> Answer:
        """The answer that was read."""
        return Answer(
            server=server, status=self._status, headers=tuple(self._headers), body=b"".join(self._parts)
        )

    def _end(self) -> None:
        names = {name for name, _ in self._headers}
        if not self.head_complete:
            raise BrokenAnswerError("connection closed before the headers were complete")
        if not self.head_only and names & {"content-length", "transfer-encoding"}:
            raise BrokenAnswerError("connection closed before the body was complete")
        self.complete = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each header, and for each trailer, which is passed over."""
        if not self.head_complete:
            self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        """Called by the parser when all headers are there."""
        if not self.head_complete:
            self._status = self._parser.get_status_code()
            self.head_complete = True

    def on_body(self, body: bytes) -> None:
        """Called by the parser for each piece of the body."""
        self._size_bytes += len(body)
        if self._size_bytes <= MOST_BODY_BYTES:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of an answer, and of each interim one (1xx) before it."""
        if self._status < _FIRST_FINAL_STATUS and self._status != _SWITCHING_PROTOCOLS:
            self._headers.clear()
            self.head_complete = False
        elif not self.head_only:
            self.complete = True


_RECEIVE_BYTES = 64 * 1024
_PORTS = {"http": 80, "https": 443}

_BODY_AFTER_HEAD_S = 0.2
"""How long a server that leaves the connection open has for a body after the headers of a HEAD answer."""

_NAMES: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "no whole answer in time"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionError, "connection reset"),
    (socket.gaierror, "host cannot be resolved"),
)


def ask(url: str, case: RequestSpec, timeout_s: float) -> Answer:
    """Send a case to a server and read its whole answer.

    Each goes over a connection of its own, so that no answer depends on what another one left there or on
    when the server closes it. The bytes are written and read here and not by httpx, which would hide a body
    after the headers of a HEAD answer, and takes several times as long.

    `timeout_s`: how long it may take, in seconds.
    """
    address = urlsplit(url)
    parser = AnswerParser(head_only=case.method == "HEAD")
    deadline_s = monotonic() + timeout_s
    try:
        with _connect(address, timeout_s) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):  # some answer before they have heard it all
                connection.sendall(encode_request(as_sent(case), address.netloc))
            _receive(connection, parser, deadline_s)
    except (OSError, BrokenAnswerError, UnicodeEncodeError) as error:
        return Answer(server=address.netloc, error=_words(error))
    return parser.answer(address.netloc)


def as_sent(case: RequestSpec) -> RequestSpec:
    """A case with what the check adds to it.

    Returns HEAD asks for the connection's end, unless the case has other wishes: then what comes after the
    headers of its answer, and before that end, is a body that should not be.
    """
    if case.method != "HEAD" or "connection" in {name.lower() for name, _ in case.headers}:
        return case
    return replace(case, headers=(*case.headers, ("Connection", "close")))


@contextmanager
def _connect(address: SplitResult, timeout_s: float) -> Iterator[socket.socket]:
    place = address.hostname or "", address.port or _PORTS[address.scheme]
    with socket.create_connection(place, timeout_s) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.scheme == "http":
            yield connection
            return
        with _tls().wrap_socket(connection, server_hostname=place[0]) as secured:
            yield secured


@cache
def _tls() -> ssl.SSLContext:
    """Certificate and host name are verified, always."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _receive(connection: socket.socket, parser: AnswerParser, deadline_s: float) -> None:
    while not (parser.complete or (parser.head_only and parser.head_complete)):
        parser.feed(_read(connection, deadline_s))
    deadline_s = min(deadline_s, monotonic() + _BODY_AFTER_HEAD_S)
    with suppress(TimeoutError, ConnectionError):
        while not parser.complete and not parser.has_body:
            parser.feed(_read(connection, deadline_s))


def _read(connection: socket.socket, deadline_s: float) -> bytes:
    """What comes next; a timeout where it comes on and on, as a stream of events does."""
    left_s = deadline_s - monotonic()
    if left_s <= 0:
        raise TimeoutError
    connection.settimeout(left_s)
    return connection.recv(_RECEIVE_BYTES)


def _words(error: Exception) -> str:
    if isinstance(error, BrokenAnswerError | ssl.SSLError):
        return str(error)
    if isinstance(error, UnicodeEncodeError):  # of what a login has filled in
        return f"cannot be sent, {error.object[error.start : error.end]!r} is not latin-1"
    return next((name for kind, name in _NAMES if isinstance(error, kind)), f"cannot connect: {error}")


_LONGEST_BODY_BYTES = 4096
"""A longer body would bury the line that it stands in."""


def curl_line(url: str, case: RequestSpec) -> str:
    """Write a case as a line for a shell: the same method, target, headers and body."""
    words = ["curl", "-sS", "-i", "--globoff", "--path-as-is"]
    if case.method == "HEAD":
        words.append("--head")
    elif case.method != ("POST" if case.body else "GET"):
        words += ["-X", case.method]
    given = {name.lower() for name, _ in case.headers}
    for name, value in complete_headers(as_sent(case)):
        if name != "Content-Length" or not case.body:  # curl counts by itself
            words += ["-H", _header(name, value)]
    pipe = ""
    if case.body:
        if "content-type" not in given:
            words += ["-H", "Content-Type:"]  # curl would make it a form
        data, pipe = _data(case)
        words += ["--data-binary", quote(data)]
    if case.target.startswith("/"):
        words.append(quote(url + case.target))
    else:
        words += ["--request-target", quote(case.target), quote(url)]
    return pipe + " ".join(words)


def _header(name: str, value: str) -> str:
    """A header as a word for a shell."""
    if is_secret(name) and value:
        return f'"{name}: ${re.sub("[^A-Z0-9]", "_", name.upper())}"'
    return quote(f"{name}: {value}" if value else f"{name};")


def _data(case: RequestSpec) -> tuple[str, str]:
    """What curl is told of the body, and what is piped into it."""
    if len(case.body) > _LONGEST_BODY_BYTES:
        return f"@BODY-OF-{len(case.body)}-BYTES", ""
    try:
        text = case.body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable() and not text.startswith("@"):
        return text, ""
    return "@-", f"printf %s {b64encode(case.body).decode()} | base64 -d | "


Twice = tuple[Answer, Answer]


class AskedArm:
    """A server, and what its logins have left."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """Know a server.

        `timeout_s`: how long an answer may take, in seconds.
        """
        self._url = url
        self._timeout_s = timeout_s
        self._logins: dict[tuple[LoginStep, ...], Kept | Answer] = {}

    @property
    def failed_logins(self) -> tuple[str, ...]:
        """Which step failed of each login that did, and why."""
        return tuple(left.error for left in self._logins.values() if isinstance(left, Answer))

    def ask_twice(self, case: RequestSpec) -> Twice:
        """Send a case twice in a row; before the first that needs it, log in."""
        kept = self._login(case.login)
        if isinstance(kept, Answer):
            return kept, kept
        request = _filled(case, kept)
        return ask(self._url, request, self._timeout_s), ask(self._url, request, self._timeout_s)

    def curl(self, case: RequestSpec) -> str:
        """A command line that asks this server a case."""
        kept = self._login(case.login)
        return curl_line(self._url, case if isinstance(kept, Answer) else _filled(case, kept))

    def _login(self, steps: tuple[LoginStep, ...]) -> Kept | Answer:
        if steps not in self._logins:
            self._logins[steps] = self._log_in(steps)
        return self._logins[steps]

    def _log_in(self, steps: tuple[LoginStep, ...]) -> Kept | Answer:
        kept = Kept()
        for number, step in enumerate(steps, start=1):
            answer = ask(self._url, fill(step.request, kept), self._timeout_s)
            failure = answer.error
            if answer.status is not None:
                try:
                    kept = keep_from(
                        step, kept, status=answer.status, headers=answer.headers, body=answer.body
                    )
                except LoginFailed as failed:
                    failure = str(failed)
            if failure:
                where = f"login step {number}, {step.request.method} {step.request.target}"
                return Answer(server=answer.server, error=f"{where}: {failure}")
        return kept


def _filled(case: RequestSpec, kept: Kept) -> RequestSpec:
    """Without a login, braces are just braces."""
    return fill(case, kept) if case.login else case
