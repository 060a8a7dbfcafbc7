import gzip
import os
import zlib
from pathlib import Path

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcompare.http.bodies import (
    LARGEST_FILE_BYTES,
    DecodedTooLarge,
    decode_body,
    excerpts,
    read_file,
    without_address,
)


@pytest.mark.parametrize(
    ("content", "server", "expected"),
    [
        (b"http://127.0.0.1:80/x", "127.0.0.1:80", b"http://{server}/x"),
        (b"next=http%3A%2F%2F127.0.0.1%3A80%2F", "127.0.0.1:80", b"next=http%3A%2F%2F{server}%2F"),
        (b"127.0.0.1:8000", "127.0.0.1:80", b"127.0.0.1:8000"),
        (b"9127.0.0.1:80", "127.0.0.1:80", b"9127.0.0.1:80"),
        (b"\xff127.0.0.1:80\xff", "127.0.0.1:80", b"\xff{server}\xff"),
        # A host without a port is replaced only where it is an origin.
        (b"https://flask/x", "flask", b"http://{server}/x"),
        (b"HTTP://flask", "flask", b"http://{server}"),
        (b"made with flask", "flask", b"made with flask"),
        (b"http://flask.example.org/", "flask", b"http://flask.example.org/"),
        (b"http://flask-2/", "flask", b"http://flask-2/"),
        (b"http://flask:8000/", "flask", b"http://flask:8000/"),
        # The scheme of its own origin does not count.
        (b"at https://b.example:443/x", "b.example:443", b"at http://{server}/x"),
    ],
)
def test_only_the_very_address_is_replaced(content: bytes, server: str, expected: bytes) -> None:
    assert without_address(content, server) == expected


BODY = b"hello " * 100
BARE = zlib.compressobj(wbits=-15)
ENCODED = {
    "gzip": gzip.compress(BODY),
    "x-gzip": gzip.compress(BODY),
    "deflate": zlib.compress(BODY),
    "br": brotli.compress(BODY),
    "deflate, gzip": gzip.compress(zlib.compress(BODY)),
}


@pytest.mark.parametrize("encoding", ENCODED)
def test_a_body_is_decoded_to_its_end_or_refused(encoding: str) -> None:
    encoded = ENCODED[encoding]
    assert decode_body(encoded, encoding.upper()) == BODY
    for broken in (encoded[:-1], encoded[: len(encoded) // 2], b"", b"not encoded at all"):
        with pytest.raises(ValueError, match="cut off"):
            decode_body(broken, encoding)


def test_deflate_without_its_header_and_gzip_of_several_members_are_decoded() -> None:
    assert decode_body(BARE.compress(BODY) + BARE.flush(), "deflate") == BODY
    assert decode_body(gzip.compress(b"a") + gzip.compress(b"b"), "gzip") == b"ab"
    with pytest.raises(ValueError, match="gzip"):
        decode_body(gzip.compress(b"a") + b"rest", "gzip")


@pytest.mark.parametrize("encoding", ENCODED)
def test_a_body_is_decoded_up_to_a_limit(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portcompare.http.bodies.MOST_BODY_BYTES", len(BODY))
    assert decode_body(ENCODED[encoding], encoding) == BODY
    monkeypatch.setattr("portcompare.http.bodies.MOST_BODY_BYTES", len(BODY) - 1)
    with pytest.raises(DecodedTooLarge, match="more than 599 bytes when decoded"):
        decode_body(ENCODED[encoding], encoding)


def test_members_of_a_gzip_stream_are_decoded_up_to_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portcompare.http.bodies.MOST_BODY_BYTES", len(BODY))
    with pytest.raises(DecodedTooLarge):
        decode_body(gzip.compress(BODY) + gzip.compress(b"!"), "gzip")


@pytest.mark.parametrize("encoding", [None, "", "identity", "zstd-or-so"])
def test_what_is_not_encoded_or_in_no_known_way_is_left_as_it_is(encoding: str | None) -> None:
    assert decode_body(BODY, encoding) == BODY


def test_a_file_without_an_end_and_one_that_is_too_large_are_refused_before_they_are_read(
    tmp_path: Path,
) -> None:
    fifo, large, small = tmp_path / "fifo", tmp_path / "large", tmp_path / "small"
    os.mkfifo(fifo)
    with large.open("wb") as file:
        file.truncate(LARGEST_FILE_BYTES + 1)
    small.write_bytes(b"rows")
    assert read_file(small) == b"rows"
    endless = "no regular file"
    for path, found in {fifo: endless, Path("/dev/zero"): endless, large: "are allowed"}.items():
        with pytest.raises(OSError, match=found):
            read_file(path)


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("a" * 500 + "X" + "b" * 500, "a" * 500 + "Y" + "b" * 500, f"...{'a' * 24}X{'b' * 55}..."),
        ("X" + "b" * 500, "Y" + "b" * 500, "X" + "b" * 79 + "..."),
        ("a" * 100 + "X", "a" * 100 + "Y", "..." + "a" * 24 + "X"),
    ],
    ids=["long", "at the start", "at the end"],
)
def test_texts_are_cut_alike_around_their_first_difference(one: str, other: str, shown: str) -> None:
    assert excerpts(one, other) == (shown, shown.replace("X", "Y"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\r\nb", r"a\r\nb"), ("\x1b[31m", r"\x1b[31m"), ("\N{NO-BREAK SPACE}", r"\xa0"), ("é", "é")],
)
def test_invisible_characters_are_escaped(text: str, shown: str) -> None:
    assert excerpts(text, "") == (shown, "")
    assert excerpts(text + "a" * 100, "")[0].startswith(shown)


@settings(max_examples=25)
@given(st.text(max_size=100), st.text(max_size=100), st.text(max_size=100))
def test_the_excerpts_of_different_texts_differ(same: str, one: str, other: str) -> None:
    shown = excerpts(same + "x" + one, same + "y" + other)
    assert shown[0] != shown[1]
    assert all(char.isprintable() for char in "".join(shown))
