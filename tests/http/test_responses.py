import gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcompare.http.responses import INCOMPLETE, Response, ResponseError, ResponseParser, ResponseReader

LENGTH = b"HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX-End: 1\r\n\r\n"
)
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\n"
UNTIL_THE_END = b"HTTP/1.1 200 OK\r\nServer: a\r\n\r\nhello"


def feed_pieces(reader: ResponseReader, data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in set(cuts) if 0 < cut < len(data)), len(data)]
    for start, end in pairwise(edges):
        assert not reader.complete
        assert reader.feed(data[start:end]) is None


@pytest.mark.parametrize(
    ("data", "status", "has_length"),
    [
        (LENGTH, 200, True),
        (CHUNKED, 201, True),
        (INTERIM + LENGTH, 200, True),
        (UNTIL_THE_END, 200, False),
        (INTERIM + UNTIL_THE_END, 200, False),
    ],
)
@given(cuts=st.lists(st.integers(1, 150), max_size=5))
def test_a_response_is_the_same_however_it_is_cut_up(
    data: bytes, status: int, cuts: list[int], *, has_length: bool
) -> None:
    reader = ResponseReader()
    feed_pieces(reader, data, cuts)
    assert reader.complete is has_length
    assert has_length or reader.feed_end() is None
    assert (reader.complete, reader.keep_alive) == (True, has_length)
    assert (reader.status, reader.body, reader.received_bytes) == (status, b"hello", len(data))


@pytest.mark.parametrize("data", [LENGTH, CHUNKED, INTERIM + LENGTH, INTERIM + CHUNKED])
@given(cuts=st.lists(st.integers(1, 150), max_size=5), end=st.integers(1, 200))
def test_a_response_with_a_length_that_ends_early_is_incomplete_however_it_is_cut_up(
    data: bytes, cuts: list[int], end: int
) -> None:
    reader = ResponseReader()
    feed_pieces(reader, data[: min(end, len(data) - 1)], cuts)
    assert reader.feed_end() == INCOMPLETE
    assert not reader.complete


def test_a_body_that_names_lengths_does_not_count_as_headers() -> None:
    reader = ResponseReader()
    reader.feed(b"HTTP/1.1 200 OK\r\n\r\nlook:\r\nContent-Length: 3\r\n\r\n")
    assert reader.feed_end() is None
    assert reader.body == b"look:\r\nContent-Length: 3\r\n\r\n"


def test_the_response_to_a_head_request_ends_with_its_headers() -> None:
    reader = ResponseReader()
    for _ in range(2):
        reader.expect(head_only=True)
        reader.feed(INTERIM + LENGTH.removesuffix(b"hello"))
        assert reader.complete
        assert (reader.status, reader.body) == (200, b"")
    reader.expect(head_only=False)
    reader.feed(LENGTH)
    assert reader.body == b"hello"


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\nServer: a\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nX-Connection: close\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (b"HTTP/1.1 103 Early Hints\r\nConnection: keep-alive\r\n\r\nHTTP/1.0 200 OK\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nconnection:Close\r\nServer: a\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: te, close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", True),
    ],
)
def test_the_response_to_a_head_request_keeps_the_connection_unless_it_says_otherwise(
    head: bytes, *, keeps: bool
) -> None:
    reader = ResponseReader()
    reader.expect(head_only=True)
    assert reader.feed(head) is None
    assert reader.complete
    assert reader.keep_alive is keeps


def read(pieces: list[bytes], *, head_only: bool) -> tuple[object, ...] | None:
    """What is read of a response whose server closes the connection; None if it is refused."""
    reader = ResponseReader()
    reader.expect(head_only=head_only)
    if any(reader.feed(data) is not None for data in pieces):
        return None
    is_read = reader.complete or reader.feed_end() is None
    return (reader.status, reader.headers(), reader.body) if is_read else None


@given(
    data=st.sampled_from((LENGTH, b"\r\n" + LENGTH, CHUNKED, INTERIM + LENGTH, UNTIL_THE_END)),
    change=st.tuples(st.integers(0, 120), st.integers(0, 3), st.binary(max_size=3)),
    cuts=st.lists(st.integers(1, 150), max_size=5),
    head_only=st.booleans(),
)
def test_a_malformed_response_is_read_alike_or_refused_however_it_is_cut_up(
    data: bytes, change: tuple[int, int, bytes], cuts: list[int], *, head_only: bool
) -> None:
    at, removed, added = change
    data = data[:at] + added + data[at + removed :]
    pieces = [data[start:end] for start, end in pairwise([0, *sorted(set(cuts)), None])]
    found = read([piece for piece in pieces if piece], head_only=head_only)
    assert found == read([data] if data else [], head_only=head_only)


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (LENGTH, [("Server", "a"), ("Content-Length", "5")]),
        (b"\r\n" + INTERIM + CHUNKED, [("Transfer-Encoding", "chunked")]),
    ],
)
def test_headers_are_those_of_the_last_head_without_trailers(
    data: bytes, headers: list[tuple[str, str]]
) -> None:
    reader = ResponseReader()
    assert reader.feed(data) is None
    assert reader.headers() == headers


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
