import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import certifi
import pytest

from portcompare.loadgen import connection as module
from portcompare.loadgen.connection import Connection, make_context, tls_kind
from portcompare.wire.protocol import TIMEOUT
from tests.loadgen.certificates import HERE, Authority
from tests.loadgen.scripted import OK, Peer, Play, over_tls, responding, serve

Connect = Callable[..., Connection]

GET = b"GET /data HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture(scope="session")
def context(authority: Authority) -> ssl.SSLContext:
    """A server's side of TLS, for this machine."""
    return authority.issue(*HERE)


@pytest.fixture
def trusting(connect: Connect, authority: Authority) -> Connect:
    """Make connections that trust the authority."""
    return lambda url, **options: connect(url, ca_file=str(authority.ca_file), **options)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_requests_go_over_one_verified_connection(trusting: Connect, authority: Authority, host: str) -> None:
    context = authority.issue(*HERE)
    names: list[str | None] = []
    protocols: list[str | None] = []
    context.sni_callback = lambda _sock, name, _context: names.append(name)

    def play(peer: Peer) -> None:
        assert isinstance(peer.sock, ssl.SSLSocket)
        protocols.append(peer.sock.selected_alpn_protocol())
        responding(OK)(peer)

    with serve(over_tls(context, play)) as server:
        connection = trusting(f"https://{host}:{server.port}")
        assert [connection.exchange(GET) for _ in range(3)] == [None] * 3
    assert server.connections == 1
    assert protocols == ["http/1.1"]
    assert names == [host if host == "localhost" else None]  # an IP address is not a server name


@pytest.mark.parametrize("size", [16_384, 100_000, 3_000_001])
def test_a_response_of_many_records_comes_complete_and_at_once(
    trusting: Connect, context: ssl.SSLContext, size: int
) -> None:
    response = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + bytes(size)
    with serve(over_tls(context, responding(response))) as server:
        connection = trusting(f"https://localhost:{server.port}", time_limit_s=10)
        for _ in range(2):
            assert connection.exchange(GET) is None
            assert connection.response.received_bytes == len(response)


def after_hello(play: Play) -> Callable[[Authority], Play]:
    """A script that takes the beginning of a handshake first."""

    def begun(peer: Peer) -> None:
        peer.sock.recv(1 << 16)
        play(peer)

    return lambda _: begun


def speak_http(peer: Peer) -> None:
    peer.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    peer.sock.recv(1 << 16)


def speak_http_after_a_handshake(authority: Authority) -> Play:
    def play(peer: Peer) -> None:
        peer.take_request()
        os.write(peer.sock.fileno(), OK)
        socket.socket.recv(peer.sock, 1 << 16)

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
        (lambda _: Peer.wait, TIMEOUT),
        (after_hello(Peer.end), module.HANDSHAKE_ABORTED),
        (after_hello(Peer.reset), module.HANDSHAKE_ABORTED),
        (after_hello(speak_http), module.NOT_TLS),
        (speak_http_after_a_handshake, module.NOT_TLS),
        (lambda authority: demand_a_certificate(authority, ssl.TLSVersion.TLSv1_2), module.REJECTED),
        (lambda authority: demand_a_certificate(authority, ssl.TLSVersion.TLSv1_3), module.REJECTED),
        (lambda authority: over_tls(authority.issue("DNS:other.example"), responding(OK)), module.WRONG_NAME),
        (lambda authority: over_tls(authority.issue(*HERE, days=-1), responding(OK)), module.EXPIRED),
    ],
)
def test_each_failure_of_tls_has_its_kind_and_sends_nothing_to_the_wrong_server(
    trusting: Connect, authority: Authority, play: Callable[[Authority], Play], kind: str
) -> None:
    with serve(play(authority)) as server:
        time_limit_s = 0.1 if kind is TIMEOUT else 20.0
        connection = trusting(f"https://127.0.0.1:{server.port}", time_limit_s=time_limit_s)
        assert connection.exchange(GET) == kind
    if play is not speak_http_after_a_handshake:
        assert server.requests == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [(9, module.NOT_YET_VALID), (18, module.UNTRUSTED), (64, module.WRONG_NAME), (23, module.INVALID)],
)
def test_whatever_is_wrong_with_a_certificate_has_one_of_a_few_kinds(code: int, kind: str) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    assert tls_kind(error) == kind


@pytest.fixture
def _fresh() -> Iterator[None]:
    """Without the settings that were made before, and that others would get."""
    make_context.cache_clear()
    yield
    make_context.cache_clear()


@pytest.mark.usefixtures("_fresh")
def test_what_the_system_trusts_is_trusted_and_an_unknown_authority_is_not(
    connect: Connect, authority: Authority, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(over_tls(context, responding(OK))) as server:
        assert connect(f"https://localhost:{server.port}").exchange(GET) == module.UNTRUSTED
        assert server.requests == []
        make_context.cache_clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        assert connect(f"https://localhost:{server.port}").exchange(GET) is None


@pytest.mark.usefixtures("_fresh")
def test_without_certificates_of_the_system_those_of_certifi_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    trusted = {one["serialNumber"] for one in make_context(None).get_ca_certs()}
    alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    alone.load_verify_locations(certifi.where())
    assert trusted == {one["serialNumber"] for one in alone.get_ca_certs()}
    assert len(trusted) > 50
