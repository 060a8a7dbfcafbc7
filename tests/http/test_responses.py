import gzip

import pytest

from portcompare.http.responses import Response, ResponseError, ResponseParser

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
TOO_MANY = "the headers have more than 65,536 bytes, or 1,000 lines"
MORE = "more than a response: other bytes follow its end"


def parsed(*wire: bytes, head_only: bool = False) -> Response:
    """What is read from a connection that the server closes in the end."""
    parser = ResponseParser(head_only=head_only)
    for data in (*wire, b""):
        if not parser.complete:
            parser.feed(data)
    return parser.response("127.0.0.1:1")


@pytest.mark.parametrize(
    "wire",
    [
        [b"HTTP/1.1 200 OK\r\n\r\nhello"],
        [HEAD[:25], HEAD[25:] + b"he", b"llo"],
        [CHUNKED, b"2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Late: 1\r\n\r\n"],
        [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HEAD + b"hello"],
    ],
    ids=["until the end", "in pieces", "chunked", "after an interim response"],
)
def test_a_body_is_read_whatever_marks_its_end(wire: list[bytes]) -> None:
    response = parsed(*wire)
    assert (response.status, response.body) == (200, b"hello")
    assert {name for name, _ in response.headers} <= {"content-length", "transfer-encoding"}


@pytest.mark.parametrize(
    ("wire", "error"),
    [
        ([], "connection closed before the headers were complete"),
        ([b"oops\r\n\r\n"], "the response is not HTTP"),
        ([HEAD + b"shor"], "connection closed before the body was complete"),
        ([CHUNKED + b"5\r\nshort"], "connection closed before the body was complete"),
        ([HEAD + b"hello" + HEAD + b"other"], MORE),
        ([HEAD + b"hello and more"], MORE),
        ([HEAD[:-2], *[b"A: b\r\n" * 200] * 500], TOO_MANY),
        ([HEAD[:-2] + b"A: b\r\n" * 100_000 + b"\r\nhello"], TOO_MANY),
        ([HEAD[:-2] + b"A: ", *[b"b" * 9_000] * 9], TOO_MANY),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 3_000, TOO_MANY),
    ],
    ids=[
        *("nothing", "no HTTP", "cut short", "a piece is missing", "two responses", "a longer body"),
        *("lines", "at once", "long", "interim"),
    ],
)
def test_an_incomplete_response_is_an_error(wire: list[bytes], error: str) -> None:
    with pytest.raises(ResponseError, match=f"^{error}$"):
        parsed(*wire)


def test_a_switched_protocol_ends_the_response_and_a_body_beyond_the_limit_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    response = parsed(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nfoo")
    assert (response.status, response.body) == (101, b"")
    monkeypatch.setattr("portcompare.http.responses.MOST_BODY_BYTES", 4)
    with pytest.raises(ResponseError, match="the body has more than 4 bytes"):
        parsed(HEAD + b"hello")


def test_content_is_decoded_if_it_is_what_content_encoding_says() -> None:
    encoded = (("content-encoding", "gzip"),)
    assert Response(server="a:1", headers=encoded, body=gzip.compress(b"at a:1")).decoded() == b"at {server}"
    with pytest.raises(ValueError, match="not gzip"):
        Response(server="a:1", headers=encoded, body=b"no gzip at a:1").decoded()
