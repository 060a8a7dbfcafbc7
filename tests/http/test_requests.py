from datetime import date
from email.parser import BytesParser
from typing import Any, cast

import pytest

from portcompare.http.requests import FilePart, encode_request, find_flaw, http_request
from portcompare.records.requests import RequestSpec

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("request_", "flaw"),
    [
        (http_request("/", method="GET /"), "'GET /' is not an HTTP method"),
        (http_request("/", method=""), "'' is not an HTTP method"),
        (http_request("data"), "the path 'data' does not begin with /"),
        (http_request("/größe"), "the path '/größe' does not begin with / or has characters that must"),
        (http_request("/a b"), "the path '/a b' does not"),
        (http_request("/a HTTP/1.1\r\nX: y"), "the path"),
        (http_request("/", headers={"X Y": "z"}), "'X Y' is not a header name"),
        (http_request("/", headers={"X": "a\r\nY: b"}), "the header 'X' is not one line of latin-1 text"),
        (http_request("/", headers={"X": "€"}), "the header 'X' is not one line of latin-1 text: '€'"),
        (http_request("/", cookies={"a": "b\r\nX: y"}), "the header 'Cookie' is not one line"),
        (RequestSpec(name="x", headers=(("X", cast("str", 1)),)), "the header 'X' is not one line"),
        (RequestSpec(name="x", body=cast("bytes", "text")), "the body is not bytes but str"),
    ],
)
def test_what_cannot_be_sent_has_a_flaw(request_: RequestSpec, flaw: str) -> None:
    found = find_flaw(request_)
    assert found is not None
    assert found.startswith(flaw)


def test_what_can_be_sent_has_no_flaw() -> None:
    assert find_flaw(http_request("/a?b=%C3%BC", headers={"X-Size": "groß\t1"})) is None
    assert find_flaw(http_request("*", method="OPTIONS", body=b"\x00\xff")) is None


@pytest.mark.parametrize(
    ("kind", "body", "content_type"),
    [
        ({"json": {"a": [1, 2.5, True, None], "ä": "é"}}, '{"a":[1,2.5,true,null],"ä":"é"}', JSON),
        ({"json": date(2024, 2, 29)}, '"2024-02-29"', JSON),
        ({"json": False}, "false", JSON),
        ({"form": {"a": "b c", "list": ["1", 2]}}, "a=b+c&list=1&list=2", FORM),
        ({"form": {}}, "", FORM),
    ],
)
def test_a_body_is_encoded_with_its_content_type(kind: dict[str, Any], body: str, content_type: str) -> None:
    made = http_request("/", method="POST", **kind)
    assert (made.body.decode(), made.headers) == (body, (("Content-Type", content_type),))


def test_a_body_given_as_it_is_has_no_content_type_and_a_declared_one_takes_precedence() -> None:
    assert http_request("/", method="POST", body="é").body == "é".encode()
    assert http_request("/", method="POST", body=b"\xff").headers == ()
    headers = {"content-type": "application/problem+json"}
    assert http_request("/", method="POST", json={}, headers=headers).headers == (*headers.items(),)


def test_cookies_are_one_header_and_the_usual_name_shows_placeholders_as_they_were_written() -> None:
    assert http_request("/", cookies={"a": "1", "b": "x=y"}).headers == (("Cookie", "a=1; b=x=y"),)
    assert http_request("/items/{id}", query={"q": "{word}"}).name == "GET /items/{id}?q={word}"


def read_multipart(request: RequestSpec) -> list[tuple[dict[str, str], bytes]]:
    """As Python's own reader of mail reads it: the headers of each part, and its content."""
    (content_type,) = (value for name, value in request.headers if name == "Content-Type")
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + request.body)
    return [
        (dict(part.items()), cast("bytes", part.get_payload(decode=True)))
        for part in cast("list[Any]", message.get_payload())
    ]


def test_multipart_holds_texts_and_files() -> None:
    files = [FilePart(filename="a.csv", content=b"x,y"), FilePart(filename="b", content=b"\xff", type="x/y")]
    made = http_request("/", method="POST", multipart={'no"te': "hi", "file": files})
    named = 'form-data; name="file"; filename='
    assert read_multipart(made) == [
        ({"Content-Disposition": 'form-data; name="no%22te"'}, b"hi"),
        ({"Content-Disposition": f'{named}"a.csv"', "Content-Type": "text/csv"}, b"x,y"),
        ({"Content-Disposition": f'{named}"b"', "Content-Type": "x/y"}, b"\xff"),
    ]


def test_multipart_is_the_same_bytes_each_time_and_other_bytes_for_other_content() -> None:
    first, again, other = (http_request("/", multipart={"a": text}) for text in ("x", "x", "y"))
    assert first == again
    assert first.headers != other.headers  # the boundary


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"json": 1, "body": "x"}, "a request has one body, not json and body"),
        ({"form": {}, "multipart": {}}, "a request has one body, not form and multipart"),
        ({"json": float("nan")}, "not JSON compliant"),
        ({"json": {1, 2}}, "JSON has no set"),
        ({"cookies": {"a": "1"}, "headers": {"cookie": "b=2"}}, "either by `cookies` or by a Cookie header"),
        (
            {"multipart": {"a": "b"}, "headers": {"Content-type": "multipart/form-data"}},
            "comes with its own Content-Type",
        ),
        ({"body": "\ud800"}, "can't encode"),
    ],
)
def test_a_contradictory_request_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        http_request("/", method="POST", **wrong)


def test_a_request_without_a_body_is_a_line_and_the_default_headers() -> None:
    assert encode_request(http_request("/data", query={"delay": "0.2"}), "localhost:8001") == (
        b"GET /data?delay=0.2 HTTP/1.1\r\n"
        b"Host: localhost:8001\r\nUser-Agent: portcompare\r\nAccept: */*\r\n\r\n"
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_the_length_of_a_body_is_that_of_its_bytes_and_sent_where_one_is_expected(method: str) -> None:
    assert b"\r\nContent-Length: 0\r\n" in encode_request(http_request("/", method=method), "localhost:8001")
    encoded = encode_request(http_request("/", method="DELETE", body="€"), "localhost:8001")
    assert b"\r\nContent-Length: 3\r\n" in encoded
    assert encoded.endswith(b"\r\n\r\n" + "€".encode())


def test_declared_headers_replace_the_default_ones_whatever_their_case() -> None:
    declared = {"host": "virtual.example", "USER-AGENT": "mine", "Accept": "text/html"}
    encoded = encode_request(http_request("/", method="POST", body="x", headers=declared), "localhost:8001")
    lines = encoded.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    assert lines == ["Content-Length: 1", *(f"{name}: {value}" for name, value in declared.items())]


def test_a_header_given_as_a_list_is_sent_once_for_each_value() -> None:
    made = http_request("/", headers={"X-Route": ["a", "b"], "Accept": ("text/html",)})
    assert made.headers == (("X-Route", "a"), ("X-Route", "b"), ("Accept", "text/html"))
    assert b"\r\nX-Route: a\r\nX-Route: b\r\n" in encode_request(made, "localhost")


@pytest.mark.parametrize(
    "name", ["Transfer-Encoding", "content-length", "CONNECTION", "Expect", "TE", "Upgrade"]
)
def test_a_header_that_frames_the_request_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"the header {name} cannot be set: it frames the request"):
        http_request("/", method="POST", body="x", headers={name: "1"})
    assert find_flaw(RequestSpec(name="made by hand", headers=((name, "1"),))) is not None


def test_a_request_has_one_host() -> None:
    assert find_flaw(http_request("/", headers={"Host": "virtual.example"})) is None
    for headers in ({"Host": ["a", "b"]}, {"Host": "a", "host": "b"}):
        with pytest.raises(ValueError, match="Host is given twice"):
            http_request("/", headers=headers)
