from __future__ import annotations

import pytest

from portcompare.http.requests import encode_request, http_request

HERE = "localhost:8001"


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
