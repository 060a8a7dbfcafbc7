from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from portcompare.parity.sending import Answer, ask
from portcompare.records.requests import RequestSpec
from tests.parity.site import Asked, Reply, always, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


def asking(url: str, timeout_s: float = 30.0, **request: object) -> Answer:
    case = RequestSpec(name="case", **request)  # type: ignore[arg-type] # whatever the test names
    return ask(url, case, timeout_s)


@pytest.mark.parametrize(
    "target",
    [
        "/data?delay=0&delay=0",
        "/data?delay=",
        "/data?delay",
        "/data?",
        "/data?a=b+c&d=%20",
        "/data?q=%c3%a4&q=%C3%A4",
        "/%2e%2e/%7Euser/%41",
        "/a/../b/./c",
        "//double//slashes",
        "/unencoded?q={}|\\^\"<>`'[]",
        "/%",
    ],
)
def test_the_target_goes_out_as_it_stands(target: str) -> None:
    with serving(always(Reply())) as site:
        asking(site.url, target=target)

    assert [asked.target for asked in site.asked] == [target]


def test_every_server_gets_the_same_few_headers() -> None:
    with serving(always(Reply())) as site:
        asking(site.url)

    assert site.asked[0].headers == (
        ("Host", site.url.removeprefix("http://")),
        ("User-Agent", "portcompare"),
        ("Accept", "*/*"),
    )


def test_a_cases_headers_are_added_and_win() -> None:
    with serving(always(Reply())) as site:
        asking(site.url, headers=(("accept", "text/html"), ("X-Name", "café")))

    assert site.asked[0].headers[1:] == (
        ("User-Agent", "portcompare"),
        ("accept", "text/html"),
        ("X-Name", "café"),
    )


def test_a_body_is_sent_as_it_is() -> None:
    with serving(always(Reply())) as site:
        asking(site.url, method="POST", body=b"\xff\x00")

    assert (site.asked[0].method, site.asked[0].body) == ("POST", b"\xff\x00")
    assert ("Content-Length", "2") in site.asked[0].headers


def test_the_answer_is_kept_as_it_came() -> None:
    reply = Reply(status=203, headers=(("X-A", "1"), ("x-a", "caf\xe9")), body=b"\xff\x00")

    with serving(always(reply)) as site:
        answer = asking(site.url)

    assert answer == Answer(
        server=site.url.removeprefix("http://"),
        status=203,
        headers=(("content-length", "2"), ("x-a", "1"), ("x-a", "caf\xe9")),
        body=b"\xff\x00",
    )


def test_an_encoded_body_is_not_decoded() -> None:
    with serving(always(Reply(headers=(("Content-Encoding", "gzip"),), body=b"no gzip"))) as site:
        assert asking(site.url).body == b"no gzip"


@pytest.mark.parametrize("location", ["/next", "http://[oops", "http://example.invalid:99999999/"])
def test_a_redirect_is_an_answer_and_not_followed(location: str) -> None:
    with serving(always(Reply(status=302, headers=(("Location", location),)))) as site:
        answer = asking(site.url)

    assert (answer.status, answer.header("location")) == (302, location)
    assert len(site.asked) == 1


def test_a_cookie_is_not_sent_back() -> None:
    with serving(always(Reply(headers=(("Set-Cookie", "a=1"),)))) as site:
        for _ in range(2):
            ask(site.url, RequestSpec(name="case"), 30.0)

    assert "cookie" not in {name.lower() for name, _ in site.asked[1].headers}


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTP_PROXY", "http://127.0.0.1:1"), ("ALL_PROXY", "http://127.0.0.1:1"), ("SSL_CERT_FILE", "/none")],
)
def test_the_environment_does_not_matter(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    with serving(always(Reply())) as site:
        assert asking(site.url).status == 200


def test_a_head_answer_has_a_length_and_no_body() -> None:
    with serving(always(Reply(body=b"hello"))) as site:
        answer = asking(site.url, method="HEAD")

    assert (answer.header("content-length"), answer.body) == ("5", b"")


def test_a_refused_connection_is_data() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # bound and not listening: the port is nobody else's, and refuses
        server = f"127.0.0.1:{unheard.getsockname()[1]}"

        assert asking(f"http://{server}") == Answer(server=server, error="connection refused")


def silence(asked: Asked) -> Iterator[bytes]:
    asked.closing.wait()
    yield b""


def test_a_server_that_stays_silent_is_data() -> None:
    with serving(silence) as site:
        assert asking(site.url, timeout_s=0.05).error == "no whole answer in time"


def dripping(asked: Asked) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    while not asked.closing.wait(0.005):
        yield b"drop"


def test_a_body_that_does_not_end_is_data() -> None:
    with serving(dripping) as site:
        answer = asking(site.url, timeout_s=0.1)

    assert (answer.status, answer.error) == (None, "no whole answer in time")


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        ([], "connection closed before the headers were complete"),
        ([b"oops\r\n\r\n"], "garbage instead of HTTP"),
        (
            [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"],
            "connection closed before the body was complete",
        ),
        (
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort"],
            "connection closed before the body was complete",
        ),
    ],
    ids=["nothing", "no HTTP", "cut short", "a piece is missing"],
)
def test_a_broken_answer_is_data(wire: list[bytes], error: str) -> None:
    with serving(lambda _: wire) as site:
        answer = asking(site.url)

    assert (answer.status, answer.error) == (None, error)


@pytest.mark.parametrize(
    "wire",
    [
        [b"HTTP/1.1 200 OK\r\n\r\nhello"],
        [b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 5\r\n\r\nhe", b"llo and what follows"],
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Late: 1\r\n\r\n",
        ],
        [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
    ],
    ids=["until the end", "in pieces", "chunked", "after an interim answer"],
)
def test_a_body_is_read_however_its_end_is_told(wire: list[bytes]) -> None:
    with serving(lambda _: wire) as site:
        answer = asking(site.url)

    assert (answer.status, answer.body) == (200, b"hello")
    assert {name for name, _ in answer.headers} <= {"content-length", "transfer-encoding"}


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
def test_what_follows_the_headers_of_a_head_answer_is_seen(wire: list[bytes]) -> None:
    with serving(lambda _: wire) as site:
        assert asking(site.url, method="HEAD").body == b"hello"


def staying(asked: Asked) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    asked.closing.wait()


def test_a_head_answer_is_complete_though_the_connection_stays_open() -> None:
    with serving(staying) as site:
        answer = asking(site.url, method="HEAD")

    assert (answer.status, answer.body, answer.error) == (200, b"", "")


def test_head_asks_for_the_end_of_the_connection() -> None:
    with serving(always(Reply())) as site:
        asking(site.url, method="HEAD")
        asking(site.url)

    assert [("Connection", "close") in asked.headers for asked in site.asked] == [True, False]


def test_what_is_no_latin_1_is_not_sent() -> None:
    with serving(always(Reply())) as site:
        answer = asking(site.url, headers=(("X-Name", "\u20ac"),))

    assert answer.error == "cannot be sent, '\u20ac' is not latin-1"
    assert site.asked == []
