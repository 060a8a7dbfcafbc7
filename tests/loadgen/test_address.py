from __future__ import annotations

import pytest

from portcompare.loadgen.connection import Address

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
