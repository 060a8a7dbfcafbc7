import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcompare.errors import InputError, Problem
from portcompare.http.placeholders import Row, fill_in, names_in, read_rows, share_weights
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


def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        read_rows(path)
    return caught.value.problems


@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "as spreadsheets write it"])
def test_a_csv_file_has_a_line_of_names_and_rows_of_text(tmp_path: Path, start: str) -> None:
    path = tmp_path / "values.csv"
    path.write_text(start + 'id,name\r\n1,Ann\r\n\r\n2,"B, ""b""\nb"\r\n', encoding="utf-8", newline="")
    assert read_rows(path) == (
        Row(line=2, values={"id": "1", "name": "Ann"}),
        Row(line=5, values={"id": "2", "name": 'B, "b"\nb'}),
    )


def test_a_json_lines_file_has_values_of_any_type(tmp_path: Path) -> None:
    path = tmp_path / "values.jsonl"
    path.write_text('{"id": 1, "tags": ["a\u2028b"]}\n\n{"tags": null, "id": 2.5}', encoding="utf-8")
    assert read_rows(path) == (
        Row(line=1, values={"id": 1, "tags": ["a\u2028b"]}),
        Row(line=3, values={"id": 2.5, "tags": None}),
    )


@pytest.mark.parametrize(
    ("name", "content", "line", "found"),
    [
        ("v.csv", b"a,b\n1\n", ": line 2", "has 1 values, and there are 2 columns"),
        ("v.csv", b"a,b\n1,2,3\n", ": line 2", "has 3 values, and there are 2 columns"),
        ("v.csv", b"a,a\n1,2\n", ": line 1", "names 'a' twice"),
        ("v.csv", b"a,\n1,2\n", ": line 1", "has a column without a name"),
        ("v.csv", b'a\n"x\n', ": line 2", "is not CSV: unexpected end of data"),
        ("v.jsonl", b'{"a": 1}\n{"a": \n', ": line 2", "is not JSON: Expecting value, column 7"),
        ("v.jsonl", b"[1]\n", ": line 1", "holds array, not an object"),
        ("v.jsonl", b'{"a": 1}\n{"b": 1}\n', ": line 2", "does not have the keys of the first line: a, b"),
        ("v.jsonl", b'{}\n{"b": 1}\n', ": line 2", "does not have the keys of the first line: b"),
        ("v.csv", None, "", "there is no such file"),
        ("v.csv", b"", "", "has no rows"),
        ("v.csv", b"a,b\n", "", "has no rows"),
        ("v.jsonl", b"\n\n", "", "has no rows"),
        ("v.csv", b"a\n\xff\n", "", "cannot be read: 'utf-8' codec can't decode byte 0xff in position 2"),
        ("v.txt", b"a\n1\n", "", "is neither .csv nor .jsonl"),
    ],
)
def test_a_wrong_row_is_reported_with_its_line_and_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, content: bytes | None, line: str, found: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    [problem] = problems_of(path)
    assert problem.where == f"{path}{line}"
    assert problem.found == found if line else problem.found.startswith(found)
    assert problem.remedy


def test_of_many_wrong_rows_the_first_are_reported_and_the_others_counted(tmp_path: Path) -> None:
    path = tmp_path / "values.csv"
    path.write_text("a,b\n" + "1\n" * 40)
    problems = problems_of(path)
    assert [problem.where for problem in problems] == [*(f"{path}: line {n}" for n in range(2, 7)), str(path)]
    assert problems[-1].found == "35 more lines are wrong"


def test_a_weight_is_shared_and_equal_requests_add_up() -> None:
    a, b, c = (http_request(f"/{name}") for name in "abc")
    assert share_weights([((a, b, a), 3.0), ((c,), 0.5), ((b,), 1.0)]) == {a: 2.0, b: 2.0, c: 0.5}


def test_more_rows_than_are_allowed_and_rows_nested_too_deep_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a":' * 5000 + "1" + "}" * 5000)
    with pytest.raises(InputError, match="nested deeper than 100 levels"):
        read_rows(path)
    monkeypatch.setattr("portcompare.http.placeholders.MOST_ROWS", 2)
    path.write_text('{"a": 1}\n' * 3)
    with pytest.raises(InputError, match="has 3 rows, and 2 are allowed"):
        read_rows(path)
