from pathlib import Path

import pytest

from portcompare.errors import InputError, Problem
from portcompare.http.requests import http_request
from portcompare.http.rows import Row, read_rows, share_weights


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
    monkeypatch.setattr("portcompare.http.rows.MOST_ROWS", 2)
    path.write_text('{"a": 1}\n' * 3)
    with pytest.raises(InputError, match="has 3 rows, and 2 are allowed"):
        read_rows(path)
