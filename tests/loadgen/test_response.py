from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcompare.http.responses import ResponseError, ResponseParser
from portcompare.loadgen.response import (
    INCOMPLETE,
    ResponseReader,
)

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
    ("data", "status"),
    [(LENGTH, 200), (CHUNKED, 201), (INTERIM + LENGTH, 200)],
    ids=["length", "chunked", "1xx"],
)
@given(cuts=st.lists(st.integers(1, 150), max_size=5))
def test_a_response_is_the_same_however_it_is_cut_up(data: bytes, status: int, cuts: list[int]) -> None:
    reader = ResponseReader()
    feed_pieces(reader, data, cuts)
    assert reader.complete
    assert reader.keep_alive
    assert (reader.status, reader.body, reader.received_bytes) == (status, b"hello", len(data))


@pytest.mark.parametrize("before", [b"", INTERIM])
@given(cuts=st.lists(st.integers(1, 120), max_size=5))
def test_a_body_without_length_ends_with_the_connection_however_it_is_cut_up(
    before: bytes, cuts: list[int]
) -> None:
    reader = ResponseReader()
    feed_pieces(reader, before + UNTIL_THE_END, cuts)
    assert not reader.complete
    assert reader.feed_end() is None
    assert reader.complete
    assert not reader.keep_alive
    assert reader.body == b"hello"


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


OK = b"HTTP/1.1 200 OK\r\n"
PIECES = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MALFORMED = (
    *(
        b"oops\r\n\r\n",
        b"\r\n" + LENGTH,
        LENGTH.replace(b"\r\n", b"\n"),
        LENGTH.lower(),
        b"ICY 200 OK\r\n\r\nhello",
    ),
    *(
        b"HTTP/1.1 %s OK\r\n\r\nhello" % status
        for status in (b"000", b"99", b"204", b"205", b"304", b"999", b"1000")
    ),
    *(b"HTTP/%s 200 OK\r\n\r\nhello" % version for version in (b"0.9", b"1.0", b"1.9", b"2.0", b"one")),
    *(
        OK + b"Content-Length:%s\r\n\r\nhello" % length
        for length in (b"", b" -5", b" +5", b" 0x5", b" 5 5", b"9" * 30)
    ),
    OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    *(
        OK + line + b"\r\nContent-Length: 5\r\n\r\nhello"
        for line in (b"X", b": x", b"X : y", b" X: y", b"X: a\0b", b"X: \xff")
    ),
    *(
        OK + b"Transfer-Encoding: %s\r\n\r\n5\r\nhello\r\n0\r\n\r\n" % one
        for one in (b"", b"identity", b"gzip, chunked", b"chunked, gzip")
    ),
    *(
        PIECES + one
        for one in (
            b"G\r\nhello",
            b"5;x=y\r\nhello\r\n0\r\n\r\n",
            b"5\nhello\n0\n\n",
            b"5\r\nhello0\r\n\r\n",
            b"f" * 20,
        )
    ),
    *(
        first + second
        for first in (LENGTH, OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello", INTERIM)
        for second in (b" and more", LENGTH.replace(b"200", b"500"))
    ),
    b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    *(
        b"HTTP/1.1 101 Switching Protocols\r\n%s\r\nfoo" % more
        for more in (b"", b"Connection: upgrade\r\nUpgrade: x\r\n")
    ),
)


def read_for_load(pieces: list[bytes], *, head_only: bool) -> tuple[int, bytes] | None:
    reader = ResponseReader()
    reader.expect(head_only=head_only)
    if any(reader.feed(data) is not None for data in pieces):
        return None
    is_read = reader.complete or reader.feed_end() is None
    return (reader.status, reader.body) if is_read else None


def read_for_parity(pieces: list[bytes], *, head_only: bool) -> tuple[int | None, bytes] | None:
    parser = ResponseParser(head_only=head_only)
    try:
        for data in (*pieces, b""):
            if data or not parser.is_done:
                parser.feed(data)
    except ResponseError:
        return None
    response = parser.response("a:1")
    return None if head_only and response.body else (response.status, response.body)


@given(
    data=st.sampled_from((LENGTH, CHUNKED, INTERIM + LENGTH, UNTIL_THE_END, *MALFORMED)),
    change=st.tuples(st.integers(0, 120), st.integers(0, 3), st.binary(max_size=3)),
    cuts=st.lists(st.integers(1, 150), max_size=5),
    head_only=st.booleans(),
)
def test_load_and_parity_accept_the_same_of_malformed_responses_and_read_the_same_however_they_are_cut_up(
    data: bytes, change: tuple[int, int, bytes], cuts: list[int], *, head_only: bool
) -> None:
    at, removed, added = change
    data = data[:at] + added + data[at + removed :]
    pieces = [data[start:end] for start, end in pairwise([0, *sorted(set(cuts)), None])]
    found = read_for_load([piece for piece in pieces if piece], head_only=head_only)
    assert found == read_for_parity([piece for piece in pieces if piece], head_only=head_only)
    assert found == read_for_load([data] if data else [], head_only=head_only)
