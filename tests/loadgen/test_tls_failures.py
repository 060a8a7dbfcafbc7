from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from portcompare.loadgen import tls
from tests.loadgen.certificates import HERE, Authority
from tests.loadgen.scripted import OK, answering, over_tls, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portcompare.wire.protocol import RoundDone
    from tests.loadgen.scripted import Peer, Play


def take_hello_and_close(peer: Peer) -> None:
    peer.sock.recv(1 << 16)


def take_hello_and_reset(peer: Peer) -> None:
    peer.sock.recv(1 << 16)
    peer.reset()


def take_hello_and_speak_http(peer: Peer) -> None:
    peer.sock.recv(1 << 16)
    peer.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    peer.wait(0.1)


def speak_http_after_a_handshake(authority: Authority) -> Play:
    def play(peer: Peer) -> None:
        peer.take_request()
        os.write(peer.sock.fileno(), OK)
        peer.wait(0.1)

    return over_tls(authority.issue(*HERE), play)


def demand_a_certificate(authority: Authority, version: ssl.TLSVersion) -> Play:
    context = authority.issue(*HERE)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version

    def play(peer: Peer) -> None:
        secured = context.wrap_socket(peer.sock, server_side=True, do_handshake_on_connect=False)
        with secured:
            with suppress(ssl.SSLError):
                secured.do_handshake()
            # Closed with the client's request unread, it would be reset, and the alert lost.
            secured.settimeout(5)
            while socket.socket.recv(secured, 1 << 16):
                pass

    return play


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (lambda _: take_hello_and_close, tls.BROKEN_OFF),
        (lambda _: take_hello_and_reset, tls.BROKEN_OFF),
        (lambda _: take_hello_and_speak_http, tls.PROTOCOL),
        (speak_http_after_a_handshake, tls.PROTOCOL),
        (lambda authority: demand_a_certificate(authority, ssl.TLSVersion.TLSv1_2), tls.REJECTED),
        (lambda authority: demand_a_certificate(authority, ssl.TLSVersion.TLSv1_3), tls.REJECTED),
        (
            lambda authority: over_tls(authority.issue("DNS:other.example"), answering(OK)),
            tls.WRONG_NAME,
        ),
        (lambda authority: over_tls(authority.issue(*HERE, days=-1), answering(OK)), tls.EXPIRED),
    ],
    ids=[
        "handshake closed",
        "handshake reset",
        "no TLS",
        "TLS no longer",
        "client certificate, 1.2",
        "client certificate, 1.3",
        "another host",
        "expired",
    ],
)
def test_each_failure_of_tls_has_its_kind_and_sends_nothing_to_the_wrong_one(
    run: Callable[..., RoundDone], authority: Authority, play: Callable[[Authority], Play], kind: str
) -> None:
    with serve(play(authority)) as server:
        done = run(f"https://127.0.0.1:{server.port}")
    assert set(done.load.error_kinds) == {kind}
    assert done.load.requests == 0
    if play is not speak_http_after_a_handshake:
        assert server.requests == []


def test_a_certificate_of_an_unknown_authority_is_not_trusted(
    run: Callable[..., RoundDone], tmp_path: Path
) -> None:
    (tmp_path / "stranger").mkdir()
    stranger = Authority(tmp_path / "stranger").issue(*HERE)
    with serve(over_tls(stranger, answering(OK))) as server:
        done = run(f"https://localhost:{server.port}")
    assert set(done.load.error_kinds) == {tls.UNTRUSTED}
    assert server.requests == []


def test_a_handshake_that_takes_too_long_ends_with_the_time_limit(run: Callable[..., RoundDone]) -> None:
    with serve(lambda peer: peer.wait()) as server:
        done = run(f"https://localhost:{server.port}", timeout_s=0.1, window_s=0.4)
    assert set(done.load.error_kinds) == {"no whole answer in time"}


@pytest.mark.parametrize(
    ("code", "kind"), [(9, tls.NOT_YET_VALID), (18, tls.UNTRUSTED), (64, tls.WRONG_NAME), (23, tls.INVALID)]
)
def test_whatever_is_wrong_with_a_certificate_has_one_of_a_few_kinds(code: int, kind: str) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    assert tls.kind_of(error) == kind
