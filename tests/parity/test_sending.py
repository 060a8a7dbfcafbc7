"""What goes over the wire to a server and back, and the command line that sends the same."""

import gzip
import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from portcompare.http.responses import Response
from portcompare.parity import sending as sending_module
from portcompare.parity.sending import ArmClient, curl_line, send
from portcompare.records.requests import LoginStep, RequestSpec
from tests.parity.site import Received, Reply, Site, always, serving

JSON = (("Content-Type", "application/json"),)
CASES = [
    RequestSpec(name="", target="/data?a=b%20c&d='\"$(x)`"),
    RequestSpec(name="", target="/a/../b/./c?q={x,y}[1-3]"),
    RequestSpec(name="", method="HEAD", target="/data"),
    RequestSpec(name="", method="PROPFIND", target="/data"),
    RequestSpec(name="", method="POST", target="/data"),
    RequestSpec(name="", method="POST", target="/data", body=b'{"a": "it\'s"}', headers=JSON),
    RequestSpec(name="", method="POST", target="/data", body=b"a=1&b=%41"),
    RequestSpec(name="", method="PUT", target="/data", body=b"two\nlines\n"),
    RequestSpec(name="", method="PATCH", target="/data", body=b"@file"),
    RequestSpec(name="", method="POST", target="/data", body=b"\x00\xff\r\n"),
    RequestSpec(name="", method="GET", target="/data", body="é".encode()),
    RequestSpec(name="", headers=(("X-Empty", ""), ("X-A", "1"), ("X-A", "2"), ("accept", "text/html"))),
    RequestSpec(name="", headers=(("Cookie", "a=1; b=2"), ("User-Agent", "x"))),
]
LOGIN = (
    LoginStep(
        request=RequestSpec(name="in", method="POST", target="/login", body=b"me"),
        keep=(("token", "json:/token"),),
    ),
)
BEHIND_LOGIN = [
    RequestSpec(name="", target=target, headers=(("Authorization", "{token}"),), login=LOGIN)
    for target in ("/a", "/b")
]


@pytest.fixture(scope="module")
def hello() -> Iterator[Site]:
    """A server that responds to everything alike."""
    with serving(always(Reply())) as site:
        yield site


@pytest.fixture
def site(hello: Site) -> Site:
    hello.received.clear()
    return hello


def sending(url: str, timeout_s: float = 60.0, **request: object) -> Response:
    case = RequestSpec(name="case", **request)  # type: ignore[arg-type] # whatever the test names
    return send(url, case, timeout_s)


def test_the_target_is_sent_as_it_is(site: Site) -> None:
    targets = ["/data?delay=0&delay=0", "/data?delay=", "/data?delay", "/data?", "/data?a=b+c&d=%20", "/%"]
    targets += ["/data?q=%c3%a4&q=%C3%A4", "/%2e%2e/%7Euser/%41", "/a/../b/./c", "//double//slashes"]
    targets += ["/unencoded?q={}|\\^\"<>`'[]"]
    for target in targets:
        sending(site.url, target=target)
    assert [received.target for received in site.received] == targets


def test_the_response_is_kept_as_it_came() -> None:
    reply = Reply(status=203, headers=(("X-A", "1"), ("x-a", "caf\xe9")), body=b"\xff\x00")
    with serving(always(reply)) as site:
        response = sending(site.url)
    assert response == Response(
        server=site.url.removeprefix("http://"),
        status=203,
        headers=(("content-length", "2"), ("x-a", "1"), ("x-a", "caf\xe9")),
        body=b"\xff\x00",
    )


@pytest.mark.parametrize("location", ["/next", "http://[oops", "http://example.invalid:99999999/"])
def test_a_redirect_is_a_response_and_not_followed_nor_is_a_cookie_sent_back(location: str) -> None:
    with serving(always(Reply(status=302, headers=(("Location", location), ("Set-Cookie", "a=1"))))) as site:
        responses = [sending(site.url) for _ in "12"]
    assert [(each.status, each.header("location")) for each in responses] == [(302, location)] * 2
    assert [{name for name, _ in received.headers} for received in site.received] == [
        {"Host", "User-Agent", "Accept"}
    ] * 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_PROXY", "http://127.0.0.1:1"), ("ALL_PROXY", "http://127.0.0.1:1"), ("SSL_CERT_FILE", "/none")],
)
def test_the_environment_does_not_matter_and_what_is_not_latin_1_is_not_sent(
    site: Site, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert sending(site.url).status == 200
    response = sending(site.url, headers=(("X-Name", "\u20ac"),))  # which is not sent
    assert response.error == "cannot be sent: '\u20ac' is not latin-1"
    assert len(site.received) == 1


def test_a_refused_connection_or_a_broken_response_is_data() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # bound and not listening: the port is nobody else's, and refuses
        server = f"127.0.0.1:{unheard.getsockname()[1]}"
        assert sending(f"http://{server}") == Response(server=server, error="connection refused")
    with serving(lambda _: [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"]) as site:
        response = sending(site.url)
    assert (response.status, response.error) == (None, "incomplete response")


def silence(received: Received) -> Iterator[bytes]:
    received.closing.wait()
    yield b""


def dripping(received: Received) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000000\r\n\r\n"
    while not received.closing.wait(0.005):
        yield b"drop"


@pytest.mark.parametrize("service", [silence, dripping])
def test_a_response_that_does_not_end_in_time_is_data(service: object) -> None:
    with serving(service) as site:  # type: ignore[arg-type] # one of the two above
        response = sending(site.url, timeout_s=0.05)
    assert (response.status, response.stream) == (None, None)  # what has a length is no stream
    assert response.error == "no complete response within 0.05 s (parity.timeout_s)"


def test_a_head_response_has_a_length_and_no_body(site: Site) -> None:
    response = sending(site.url, method="HEAD")
    sending(site.url)
    assert (response.header("content-length"), response.body) == ("5", b"")
    assert [("Connection", "close") in received.headers for received in site.received] == [True, False]
    with serving(staying) as other:  # it is complete though the connection stays open
        response = sending(other.url, method="HEAD")
    assert (response.status, response.body, response.error) == (200, b"", "")


@pytest.mark.parametrize(
    "wire",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"hello"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nhello"],
        [b"HTTP/1.1 204 No Content\r\n\r\n", b"hello"],
    ],
    ids=["at once", "later", "after a length of none", "after a status without a body"],
)
def test_what_follows_the_headers_of_a_head_response_is_received(
    wire: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending_module, "_BODY_AFTER_HEAD_S", 60.0)  # the server closes the connection first
    with serving(lambda _: wire) as site:
        assert sending(site.url, method="HEAD").body == b"hello"


def staying(received: Received) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    received.closing.wait()


def test_a_server_is_logged_in_to_once_and_the_command_line_does_not_show_the_token() -> None:
    def guarded(received: Received) -> Reply:
        if received.target == "/login":
            return Reply(body=b'{"token": "secret"}')
        return Reply(status=200 if dict(received.headers).get("Authorization") == "secret" else 401)

    with serving(guarded) as site:
        client = ArmClient(site.url, 60.0)
        statuses = [client.send(case).status for case in BEHIND_LOGIN]
        line = client.curl(BEHIND_LOGIN[0])
    assert statuses == [200, 200]
    assert [received.target for received in site.received] == ["/login", "/a", "/b"]
    assert client.failed_login(BEHIND_LOGIN[0]) == ""
    assert '-H "Authorization: $AUTHORIZATION"' in line
    assert "secret" not in line


@pytest.mark.parametrize(("page", "is_form"), [(b"<input name=pw TYPE=password>", True), (b"welcome", False)])
def test_a_login_that_is_shown_a_password_form_is_known(page: bytes, *, is_form: bool) -> None:
    with serving(always(Reply(body=page))) as site:
        client = ArmClient(site.url, 60.0)
        client.send(replace(BEHIND_LOGIN[0], headers=(), login=(replace(LOGIN[0], keep=()),)))
        case = replace(BEHIND_LOGIN[0], login=(replace(LOGIN[0], keep=()),))
    assert client.login_shows_form(case) == is_form


def test_a_login_that_fails_is_the_reason_for_no_response() -> None:
    with serving(always(Reply(status=403))) as site:
        client = ArmClient(site.url, 60.0)
        errors = [client.send(case).error for case in BEHIND_LOGIN]
    assert errors == ["login step 1, POST /login: status 403"] * 2
    assert client.failed_login(BEHIND_LOGIN[0]) == "login step 1, POST /login: status 403"
    assert len(site.received) == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_the_command_line_sends_what_the_check_sends(site: Site, case: RequestSpec) -> None:
    line = curl_line(site.url, case)
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, check=True, env=os.environ | {"COOKIE": "a=1; b=2"}
    )
    send(site.url, case, 60.0)
    by_curl, by_check = (
        (received.method, received.target, sorted((n.lower(), v) for n, v in received.headers), received.body)
        for received in site.received
    )
    assert by_curl == by_check
    assert done.stdout.startswith(b"HTTP/1.1 200 ")
    assert len(line.splitlines()) == 1
    assert shlex.split(line)[-1] == f"{site.url}{case.target}"


def test_a_command_line_names_the_server_that_is_there_when_it_is_pasted(site: Site) -> None:
    client = ArmClient(site.url, 60.0, shown_url="http://127.0.0.1:8101")
    assert client.send(CASES[4]).status == 200
    assert client.curl(CASES[4]).endswith(" http://127.0.0.1:8101/data")


def test_a_command_line_has_no_secret_and_no_long_body_and_any_target() -> None:
    headers = (("Authorization", "Bearer abc"), ("X-Api-Key", "abc"), ("Cookie", "sid=abc"), ("Accept", "x"))
    case = RequestSpec(name="", method="POST", target="*", headers=headers, body=b"x" * 5000)
    line = curl_line("http://127.0.0.1:1", case)
    assert "abc" not in line
    for word in ('"Authorization: $AUTHORIZATION"', '"X-Api-Key: $X_API_KEY"', '"Cookie: $COOKIE"'):
        assert f"-H {word} " in line
    assert "-H 'Accept: x' " in line
    assert "--data-binary @BODY-OF-5000-BYTES" in line
    assert line.endswith("--request-target '*' http://127.0.0.1:1")


def test_a_body_that_is_too_large_when_decoded_is_an_error_and_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portcompare.http.bodies.MOST_BODY_BYTES", 10_000)
    body = gzip.compress(b"0" * 1_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with serving(lambda _: [head, body]) as site:
        response = sending(site.url)
    assert (response.status, response.error) == (None, "the body has more than 10,000 bytes when decoded")
