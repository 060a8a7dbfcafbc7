"""Bodies of every format read into trees."""

import json
from typing import Any

import pytest

from portcompare.http.documents import detect_format, read_tree
from portcompare.http.trees import ABSENT, UnreadableError, as_text
from portcompare.records.requests import Format, FormatName


def read(body: bytes | str, content_type: str | None = None) -> tuple[FormatName, Any]:
    content = body.encode() if isinstance(body, str) else body
    form = detect_format(content, content_type)
    return form.name, read_tree(content, form)


def in_body(page: str) -> Any:  # noqa: ANN401 - any tree
    return read(page, "text/html")[1]["html"]["body"][0]


@pytest.mark.parametrize(
    ("content_type", "body", "name", "tree"),
    [
        ("application/json; charset=utf-8", "1", "json", 1),
        ("application/problem+json", '{"a": [1]}', "json", {"a": [1]}),
        (None, " [1]", "json", [1]),
        ("text/html", '{"a": 1}', "json", {"a": 1}),
        ("application/json", "oops", "text", "oops"),
        (None, "1", "text", "1"),
        ("application/x-ndjson", '{"a": 1}\n\n{"a": 2}\n', "records", [{"a": 1}, {"a": 2}]),
        ("application/json-seq", '\x1e{"a": 1}\n\x1e2\n', "records", [{"a": 1}, 2]),
        ("text/plain", '{"a": 1}\n{"a": 2}\n', "records", [{"a": 1}, {"a": 2}]),
        ("application/x-www-form-urlencoded", "a=1&b=&a=%C3%A9", "form", {"a": ["1", "é"], "b": [""]}),
        ("text/csv", 'id,name\r\n1,"a,b"\r\n', "csv", [["id", "name"], ["1", "a,b"]]),
        ("text/tab-separated-values", "a\tb\n", "tsv", [["a", "b"]]),
        (
            "text/event-stream",
            ': hi\n\nevent: tick\nid: 1\ndata: {"n":\ndata: 1}\n\ndata: text\r\n\r\n',
            "events",
            [{"event": "tick", "id": "1", "data": {"n": 1}}, {"data": "text"}],
        ),
        ("text/html", "hello", "text", "hello"),
        ("text/plain", "a\nb", "lines", {"line": ["a\n", "b"]}),
        ("text/plain", "a\n", "text", "a\n"),
        (None, "<!-- c --><!DOCTYPE html><p>a", "html", {"doctype()": "html"}),
        (
            "application/rss+xml",
            '<?xml version="1.0" encoding="latin-1"?><r a="1">\n <b>x</b><!-- c --><b/>y</r>',
            "xml",
            {
                "r": {
                    "@a": "1",
                    "@xmlns": "",
                    "b": [{"text()": ["x"]}, {}],
                    "text()": ["y"],
                    "order()": "b b text()",
                }
            },
        ),
        ("image/png", "text", "binary", b"text"),
        ("text/plain", b"a\0b", "binary", b"a\0b"),
        ("text/plain", b"\xff", "binary", b"\xff"),
        ("text/plain; charset=latin-1", b"\xe9", "text", "é"),
        ("text/plain; charset=base64", b"a", "text", "a"),
        ("text/plain", "\ufeffa".encode("utf-16"), "binary", "\ufeffa".encode("utf-16")),
        (None, b"", "text", ABSENT),
    ],
)
def test_a_body_is_read_as_its_content_type_says_or_by_what_it_looks_like(
    content_type: str | None, body: bytes | str, name: str, tree: object
) -> None:
    found, read_as = read(body, content_type)
    assert found == name
    assert read_as == tree or (found == "html" and read_as.items() >= {"doctype()": "html"}.items())


def test_elements_hold_attributes_texts_and_children_by_name_and_in_order() -> None:
    page = '<p CLASS="a b" hidden>one <b>two</b> <i>3</i>, &eacute;<!-- c --></p><pre> x </pre>'
    paragraph = {
        "@class": "a b",
        "@hidden": "",
        "text()": ["one ", " ", ", é"],
        "b": [{"text()": ["two"]}],
        "i": [{"text()": ["3"]}],
        "comment()": ["c"],
        "order()": "text() b text() i text()",
    }
    assert in_body(page) == {"p": [paragraph], "pre": [{"text()": [" x "]}], "order()": "p pre"}


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("<ul> <li> a  b </li>\n\n<li>c</ul>", "<ul><li>a b</li><li>c</li></ul>", True),
        ("<b>a</b> <b>b</b>", "<b>a</b><b>b</b>", False),  # people see a blank
        ("<div>a</div> <div>b</div>", "<div>a</div><div>b</div>", True),
        ("<pre>a  b</pre>", "<pre>a b</pre>", False),
        ("a<!-- x -->b", "ab<!-- x -->", True),
        ("<script>a( 1 )</script>", "<script>a(1)</script>", False),
        ("<p>&lt;&#x65;</p>", "<p>&lt;e</p>", True),
        (
            "<!DOCTYPE html><table><tr><td>a</table>",
            "<!doctype HTML><table><tr><td>a</td></tr></table>",
            True,
        ),
        ("<a B=1 c='2'>x</a>", '<a c="2" b="1">x</a>', True),
        ("<template><p>a</p></template>", "<template><p>b</p></template>", False),
    ],
)
def test_pages_are_alike_if_no_browser_can_tell_them_apart(one: str, other: str, *, alike: bool) -> None:
    assert (read(one, "text/html") == read(other, "text/html")) is alike


def test_a_page_is_read_in_the_charset_that_it_names() -> None:
    body = '<meta charset="iso-8859-15"><p>5 €'.encode("iso-8859-15")
    assert read(body, "text/html")[1]["html"]["body"][0]["p"][0] == {"text()": ["5 €"]}
    assert "5 €" not in str(read(body, "text/html; charset=utf-8")[1])


MANY = 200_000
HOSTILE = {
    "deep JSON": ("application/json", b"[" * 100_000),
    "deep but complete JSON": ("application/json", b"[" * 900 + b"]" * 900),
    "long JSON": ("application/json", json.dumps([[index, {"n": "x"}] for index in range(MANY)]).encode()),
    "deep records": ("application/x-ndjson", b'{"a":' * 300 + b"1" + b"}" * 300),
    "deep HTML": ("text/html", b"<div>" * MANY),
    "deep formatting": ("text/html", b"<b>" * 400),
    "long HTML": ("text/html", b"<ul>" + b"<li class=a>x</li>" * 100_000),
    "many attributes": ("text/html", b"<p " + b" ".join(b"a%d=1" % index for index in range(50_000)) + b">"),
    "deep XML": ("text/xml", b"<a>" * 50_000 + b"</a>" * 50_000),
    "entities that grow": (
        "text/xml",
        b'<!DOCTYPE l [<!ENTITY a0 "aaaaaaaaaa">'
        + b"".join(b'<!ENTITY a%d "%s">' % (place, b"&a%d;" % (place - 1) * 10) for place in range(1, 12))
        + b"]><l>&a11;</l>",
    ),
    "a long cell": ("text/csv", b'"' + b"x" * 200_000 + b'"'),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.timeout(20)
def test_what_is_too_large_or_too_deep_is_compared_as_text_and_says_why(what: str) -> None:
    content_type, body = HOSTILE[what]
    form = detect_format(body, content_type)
    assert form.name == "text"
    assert form.note


def test_lists_that_html_need_not_end_are_not_deep() -> None:
    assert read("<ul>" + "<li>x<p>y" * 2000, "text/html")[0] == "html"


def test_many_lines_are_one_value() -> None:
    assert read(b"a\n" * 400_000, "text/plain")[0] == "binary"


@pytest.mark.parametrize(
    ("name", "body"),
    [("json", b"{"), ("records", b" \n"), ("records", b"1\n{"), ("xml", b"<a>"), ("text", b"\xff")],
)
def test_what_is_not_of_the_format_is_refused(name: FormatName, body: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_tree(body, Format(name=name))


def test_an_element_is_shown_as_markup_and_json_as_such() -> None:
    form = in_body('<form action="/a">x <input name="q"><b>y</b><!-- c --></form>')["form"][0]
    shown = as_text(form, "/html/body/form[2]")
    assert shown == '<form action="/a">x <input name="q"></input><b>y</b></form>'
    assert as_text({"a": ["é"]}, "/form") == '{"a": ["é"]}'
