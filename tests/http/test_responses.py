import gzip

import pytest

from portcompare.http.responses import Response, ResponseError, ResponseParser

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


def parsed(*wire: bytes) -> Response:
    parser = ResponseParser(head_only=False)
    for data in wire:
        parser.feed(data)
    return parser.response("127.0.0.1:1")


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        ([HEAD, b"shor", b""], "incomplete response"),
        ([HEAD + b"hello and more"], "more than a response"),
        ([HEAD[:-2] + b"A: b\r\n" * 1001 + b"\r\nhello"], "headers of more than 1,000 lines"),
        ([HEAD, b"hello"], "body of more than 4 bytes"),
    ],
)
def test_an_incomplete_response_is_an_error(
    monkeypatch: pytest.MonkeyPatch, wire: list[bytes], error: str
) -> None:
    monkeypatch.setattr("portcompare.http.responses.MOST_BODY_BYTES", 4 if "body" in error else 99)
    with pytest.raises(ResponseError, match=f"^{error}$"):
        parsed(*wire)


def test_a_switched_protocol_ends_the_response() -> None:
    response = parsed(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nfoo")
    assert (response.status, response.body) == (101, b"")


def test_content_is_decoded_if_it_is_what_content_encoding_says() -> None:
    encoded = (("content-encoding", "gzip"),)
    assert Response(server="a:1", headers=encoded, body=gzip.compress(b"at a:1")).decoded() == b"at {server}"
    with pytest.raises(ValueError, match="not gzip"):
        Response(server="a:1", headers=encoded, body=b"no gzip at a:1").decoded()
