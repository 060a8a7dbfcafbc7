import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcompare.http.bodies import json_type, masked_json, parse_json, pointer_to, without_address

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def masked(value: object, *pointers: str) -> Any:  # noqa: ANN401 - any JSON value
    return masked_json(json.dumps(value).encode(), pointers)


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("/at", {"at": "number", "items": [{"id": "x"}, None], "a/b~c": True}),
        ("/items/0/id", {"at": 1.5, "items": [{"id": "string"}, None], "a/b~c": True}),
        ("/items/1", {"at": 1.5, "items": [{"id": "x"}, "null"], "a/b~c": True}),
        ("/items", {"at": 1.5, "items": "array", "a/b~c": True}),
        ("/a~1b~0c", {"at": 1.5, "items": [{"id": "x"}, None], "a/b~c": "boolean"}),
        ("", "object"),
    ],
)
def test_a_masked_value_is_the_name_of_its_type(pointer: str, expected: object) -> None:
    assert masked({"at": 1.5, "items": [{"id": "x"}, None], "a/b~c": True}, pointer) == expected


def test_a_pointer_to_nothing_or_into_a_masked_value_is_ignored() -> None:
    value = {"a": 1, "list": [1, 2]}
    for pointer in ("/b", "/a/b", "/list/2", "/list/-", "/list/00", "/list/x", "/a/b/c"):
        assert masked(value, pointer) == value
    assert masked({"a": {"b": 1}}, "/a", "/a/b") == masked({"a": {"b": 1}}, "/a/b", "/a") == {"a": "object"}


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the parser says
        parse_json(body)


@settings(max_examples=25)
@given(JSON, st.text(max_size=5))
def test_any_key_can_be_pointed_at(value: object, key: str) -> None:
    assert masked({key: value}, pointer_to("", key)) == {key: json_type(value)}


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
