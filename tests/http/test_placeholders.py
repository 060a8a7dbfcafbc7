import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcompare.http.placeholders import fill_in, names_in
from portcompare.http.requests import FilePart, http_request
from portcompare.records.requests import RequestSpec

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_names_are_found_wherever_a_value_can_go() -> None:
    made = http_request(
        "/{path}",
        query={"q": "x{query}"},
        headers={"X": "{header}"},
        cookies={"c": "{cookie}"},
        form={"f": "{field}"},
    )
    assert names_in(made) == {"path", "query", "header", "cookie", "field"}


@pytest.mark.parametrize("body", ['{"a": {"b": 1}}', "{ user }", "{}", "{1}", "{a b}", "\\d{3}"])
def test_other_braces_are_none(body: str) -> None:
    assert names_in(RequestSpec(name="x", body=body.encode())) == set()


@given(value=TEXT)
def test_a_value_is_a_part_of_a_path_a_query_and_a_form_whatever_it_holds(value: str) -> None:
    made = fill_in(http_request("/a/{v}/b?c={v}", query={"d": "<{v}>"}), {"v": value})
    parts = urlsplit(made.target)
    assert parts.path.count("/") == 3
    assert parse_qsl(parts.query, keep_blank_values=True) == [("c", value), ("d", f"<{value}>")]
    made = fill_in(http_request("/", form={"a": "{v}", "b": "{v}&{v}"}), {"v": value})
    assert parse_qsl(made.body.decode(), keep_blank_values=True) == [("a", value), ("b", f"{value}&{value}")]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(value=JSON_VALUES, text=TEXT)
def test_a_json_string_that_is_only_a_placeholder_takes_the_value_and_others_its_text(
    value: Any,  # noqa: ANN401 - whatever JSON holds
    text: str,
) -> None:
    asked = {"only": "{v}", "deep": [{"x": "{v}"}], "in": "<{t}>", "key {t}": 1, "other": "{v"}
    made = json.loads(fill_in(http_request("/", json=asked), {"v": value, "t": text}).body)
    assert made == {"only": value, "deep": [{"x": value}], "in": f"<{text}>", f"key {text}": 1, "other": "{v"}


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ({"{n}": 1}, '{"5":1}'),
        ('"{n}"', r'"\"5\""'),
        ("\\{n}", r'"\\5"'),
        ("{n}{n}", '"55"'),
        ("{n}\\", r'"5\\"'),
    ],
)
def test_only_whole_strings_that_are_no_keys_become_other_values(asked: object, made: str) -> None:
    assert fill_in(http_request("/", json=asked), {"n": 5}).body.decode() == made


@pytest.mark.parametrize(
    ("value", "text"), [("a b", "a b"), (5, "5"), (1.5, "1.5"), (True, "true"), (None, "null"), ([1], "[1]")]
)
def test_elsewhere_a_value_stands_as_it_is(value: object, text: str) -> None:
    made = fill_in(http_request("/", headers={"X": "<{v}>"}, body="<{v}>"), {"v": value})
    assert (made.headers, made.body) == ((("X", f"<{text}>"),), f"<{text}>".encode())


def test_parts_and_cookies_are_filled() -> None:
    content = FilePart(filename="f", content=b"\xff{v}")
    made = fill_in(http_request("/", cookies={"a": "{v}"}, multipart={"p": "{v}", "f": content}), {"v": "é"})
    assert ("Cookie", "a=é") in made.headers
    assert b"\r\n\r\n\xc3\xa9\r\n" in made.body
    assert b"\xff\xc3\xa9" in made.body


def test_what_has_no_value_stays_and_the_name_is_that_of_the_template() -> None:
    template = http_request("/{a}/{b}")
    made = fill_in(template, {"a": "x"})
    assert (made.target, made.name) == ("/x/{b}", "GET /{a}/{b}")
    assert names_in(made) == {"b"}
