from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import certifi
import pytest

from portcompare.http.requests import http_request
from portcompare.loadgen import tls
from tests.loadgen.certificates import HERE
from tests.loadgen.generator import Generator
from tests.loadgen.scripted import OK, answering, over_tls, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portcompare.wire.protocol import RoundDone
    from tests.loadgen.certificates import Authority
    from tests.loadgen.scripted import Peer


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_requests_go_over_one_verified_connection(
    run: Callable[..., RoundDone], generator: Generator, authority: Authority, host: str
) -> None:
    context = authority.issue(*HERE)
    names: list[str | None] = []
    protocols: list[str | None] = []
    context.sni_callback = lambda _sock, name, _context: names.append(name)

    def play(peer: Peer) -> None:
        assert isinstance(peer.sock, ssl.SSLSocket)
        protocols.append(peer.sock.selected_alpn_protocol())
        answering(OK)(peer)

    with serve(over_tls(context, play)) as server:
        done = run(f"https://{host}:{server.port}")
    assert done.load.error_kinds == {}
    assert done.load.requests > 0
    assert done.load.reconnects == 0
    assert server.connections == generator.tries
    assert f"\r\nHost: {host}:{server.port}\r\n".encode() in server.requests[0][1]
    assert protocols == ["http/1.1"] * generator.tries
    assert (
        names == [host if host == "localhost" else None] * generator.tries
    )  # an IP address is not a server name


@pytest.mark.parametrize("size", [16_384, 100_000, 3_000_001])
def test_an_answer_of_many_records_comes_whole_and_at_once(
    run: Callable[..., RoundDone], authority: Authority, size: int
) -> None:
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + bytes(size)
    with serve(over_tls(authority.issue(*HERE), answering(answer))) as server:
        done = run(f"https://localhost:{server.port}", timeout_s=5, window_s=0.3)
    assert done.load.error_kinds == {}
    assert done.load.failure is None
    assert done.load.requests > 1
    assert done.load.received_bytes_per_request == len(answer)


def test_a_long_body_goes_out_whole(generator: Generator, authority: Authority, tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(
        "from portcompare.loadgen import LeanUser, http_request\n"
        "class Data(LeanUser):\n"
        '    request = http_request("/data", method="POST", body="1" * 4_000_000)\n'
        f"    ca_file = {str(authority.ca_file)!r}\n"
    )
    generator.prepare(locustfile, data="Data")
    with serve(over_tls(authority.issue(*HERE), answering(OK))) as server:
        done = generator.run_round(f"https://localhost:{server.port}", scenario="data")
    assert done.load.error_kinds == {}
    assert server.requests[0][1].endswith(b"\r\n\r\n" + b"1" * 4_000_000)


@pytest.mark.parametrize("end", ["close", "close notify", "reset"])
def test_a_connection_ended_between_two_requests_is_made_again_and_counted(
    run: Callable[..., RoundDone], authority: Authority, end: str
) -> None:
    def play(peer: Peer) -> None:
        assert isinstance(peer.sock, ssl.SSLSocket)
        for _ in range(3):
            peer.take_request()
            peer.sock.sendall(OK)
        if end == "close notify":
            peer.sock.unwrap()
        elif end == "reset":
            socket.socket.recv(peer.sock, 1, socket.MSG_PEEK)  # only now has the client read the answer
            peer.reset()

    with serve(over_tls(authority.issue(*HERE), play)) as server:
        done = run(f"https://localhost:{server.port}", window_s=0.3)
    assert done.load.error_kinds == {}
    assert done.load.requests > 0
    assert done.load.reconnects == pytest.approx(done.load.requests / 3, abs=2)


def test_a_connection_reset_while_idle_is_made_again_and_counted(
    run: Callable[..., RoundDone], authority: Authority
) -> None:
    def play(peer: Peer) -> None:
        peer.take_request()
        peer.sock.sendall(OK)
        peer.wait(0.05)  # the client has its answer and waits for longer
        peer.reset()

    with serve(over_tls(authority.issue(*HERE), play)) as server:
        done = run(f"https://localhost:{server.port}", window_s=0.8, wait_s=0.15)
    assert done.load.error_kinds == {}
    assert done.load.requests >= 2
    assert done.load.reconnects == done.load.requests


def test_a_request_of_the_plan_trusts_what_the_system_trusts(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = http_request("/data")
    with serve(over_tls(authority.issue(*HERE), answering(OK))) as server:
        kinds = []
        for trusted in (authority.ca_file, tmp_path / "none.pem"):
            monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
            generator = Generator(tmp_path / "loadgen.log")
            try:
                kinds.append(generator.run(f"https://localhost:{server.port}", request).load.error_kinds)
            finally:
                generator.end()
    assert kinds[0] == {}
    assert set(kinds[1]) == {tls.UNTRUSTED}


@pytest.mark.parametrize("text", [None, "no certificate\n"], ids=["missing", "no certificate"])
def test_a_bundle_that_cannot_be_used_is_a_problem(
    generator: Generator, tmp_path: Path, text: str | None
) -> None:
    bundle, locustfile = tmp_path / "ca.pem", tmp_path / "locustfile.py"
    if text is not None:
        bundle.write_text(text)
    locustfile.write_text(
        "from portcompare.loadgen import LeanUser, http_request\n"
        f'class Data(LeanUser):\n    request = http_request("/data")\n    ca_file = {str(bundle)!r}\n'
    )
    found, remedy = generator.prepare(locustfile, data="Data").problems["data"]
    assert found.startswith(f"Data's ca_file {str(bundle)!r} cannot be used: ")
    assert remedy == "name a file of PEM certificates"


def test_without_certificates_of_the_system_those_of_certifi_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    tls.make_context.cache_clear()
    try:
        trusted = {one["serialNumber"] for one in tls.make_context(None).get_ca_certs()}
    finally:
        tls.make_context.cache_clear()
    alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    alone.load_verify_locations(certifi.where())
    assert trusted == {one["serialNumber"] for one in alone.get_ca_certs()}
    assert len(trusted) > 50
