from __future__ import annotations

from typing import cast

import pytest

from portcompare.loadgen.address import Address, encode_request, find_flaw
from portcompare.model import RequestSpec, http_request

HERE = Address.of("http://localhost:8001")


@pytest.mark.parametrize(
    ("url", "secure", "host", "port", "netloc"),
    [
        ("http://example.org", False, "example.org", 80, "example.org"),
        ("http://Example.org:8080/path?query", False, "example.org", 8080, "Example.org:8080"),
        ("http://[::1]:8001", False, "::1", 8001, "[::1]:8001"),
        ("https://example.org", True, "example.org", 443, "example.org"),
        ("https://[::1]", True, "::1", 443, "[::1]"),
        ("https://localhost:8443", True, "localhost", 8443, "localhost:8443"),
    ],
)
def test_an_address_is_host_and_port_and_what_the_host_header_says(
    url: str, *, secure: bool, host: str, port: int, netloc: str
) -> None:
    assert Address.of(url) == Address(secure=secure, host=host, port=port, netloc=netloc)


@pytest.mark.parametrize(
    "url",
    ["example.org:80", "http://", "https://:443", "", "ftp://example.org", "http://example.org:0"],
)
def test_what_is_no_address_of_a_server_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match=r"must begin with http:// or https:// and name a host") as refused:
        Address.of(url)
    assert repr(url) in str(refused.value)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.org:eighty", "Port could not be cast"),
        ("http://example.org:99999", "Port out of range"),
        ("http://[::1", "Invalid IPv6 URL"),
    ],
)
def test_an_address_that_cannot_be_taken_apart_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        Address.of(url)
    assert repr(url) in str(refused.value)


def test_a_user_in_an_address_is_refused_and_the_password_not_told() -> None:
    with pytest.raises(ValueError, match=r"example\.org names a user: send an Authorization") as refused:
        Address.of("http://me:secret@example.org")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("request_", "flaw"),
    [
        (http_request("/", method="GET /"), "the method 'GET /' is none"),
        (http_request("/", method=""), "the method '' is none"),
        (http_request("data"), "the path 'data' does not begin with /"),
        (http_request("/größe"), "the path '/größe' does not begin with / or holds what must be percent-enc"),
        (http_request("/a b"), "the path '/a b' does not"),
        (http_request("/a HTTP/1.1\r\nX: y"), "the path"),
        (http_request("/", headers={"X Y": "z"}), "the header name 'X Y' is none"),
        (http_request("/", headers={"X": "a\r\nY: b"}), "the header 'X' is not one line of latin-1 text"),
        (http_request("/", headers={"X": "€"}), "the header 'X' is not one line of latin-1 text: '€'"),
        (RequestSpec(name="x", headers=(("X", cast("str", 1)),)), "the header 'X' is not one line"),
        (http_request("/", body="\ud800"), "the body is not text that can be sent as UTF-8"),
        (http_request("/", body=cast("str", b"bytes")), "the body is not text"),
    ],
)
def test_what_cannot_be_sent_has_a_flaw(request_: RequestSpec, flaw: str) -> None:
    found = find_flaw(request_)
    assert found is not None
    assert found.startswith(flaw)


@pytest.mark.parametrize(
    "request_",
    [
        http_request("/a?b=%C3%BC", headers={"X-Size": "groß\t1"}),
        http_request("*", method="OPTIONS"),
        http_request("/", method="POST", body="€"),
    ],
)
def test_what_can_be_sent_has_no_flaw_and_bytes(request_: RequestSpec) -> None:
    assert find_flaw(request_) is None
    assert encode_request(request_, HERE).startswith(f"{request_.method} {request_.target} HTTP/1.1".encode())


def test_a_request_without_a_body_is_a_line_and_the_usual_headers() -> None:
    assert encode_request(http_request("/data", query={"delay": "0.2"}), HERE) == (
        b"GET /data?delay=0.2 HTTP/1.1\r\n"
        b"Host: localhost:8001\r\nUser-Agent: portcompare\r\nAccept: */*\r\n\r\n"
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_empty_body_is_said_to_be_empty_where_one_is_expected(method: str) -> None:
    assert b"\r\nContent-Length: 0\r\n" in encode_request(http_request("/", method=method), HERE)


def test_the_length_of_a_body_is_that_of_its_bytes() -> None:
    encoded = encode_request(http_request("/", method="DELETE", body="€"), HERE)
    assert b"\r\nContent-Length: 3\r\n" in encoded
    assert encoded.endswith(b"\r\n\r\n" + "€".encode())


def test_declared_headers_replace_the_usual_ones_whatever_their_case() -> None:
    declared = {"host": "virtual.example", "USER-AGENT": "mine", "Accept": "text/html", "content-length": "1"}
    encoded = encode_request(http_request("/", method="POST", body="x", headers=declared), HERE)
    lines = encoded.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    assert lines == [f"{name}: {value}" for name, value in declared.items()]
