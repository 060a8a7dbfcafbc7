"""What a request is turned into, subject by subject."""

from __future__ import annotations

import json
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcompare.http.requests import FilePart, Part, find_flaw, http_request
from portcompare.parity.variants import (
    app_decides,
    body_variants,
    header_variants,
    parameter_names,
    parameter_variants,
    path_variants,
    query_variants,
    shape_of,
)
from portcompare.records.requests import RequestSpec


def targets(request: RequestSpec, name: str) -> dict[str, str]:
    return {what: case.target for what, case in parameter_variants(request, name)}


def test_a_parameter_is_missing_empty_malformed_repeated_and_otherwise_written() -> None:
    found = targets(RequestSpec(name="", target="/data?a=1&delay=0.2&z=9"), "delay")

    assert {
        "delay missing": "/data?a=1&z=9",
        "delay empty": "/data?a=1&delay=&z=9",
        "delay without a value": "/data?a=1&delay&z=9",
        "delay text": "/data?a=1&delay=portcompare&z=9",
        "delay negative": "/data?a=1&delay=-1&z=9",
        "delay not UTF-8": "/data?a=1&delay=%FF&z=9",
        "delay NUL after": "/data?a=1&delay=0.2%00&z=9",
        "delay plus sign before": "/data?a=1&delay=%2B0.2&z=9",
        "delay plus after": "/data?a=1&delay=0.2+&z=9",
        "delay letters beyond ASCII": "/data?a=1&delay=%C3%A9%E2%82%AC&z=9",
        "delay repeated": "/data?a=1&delay=0.2&delay=0.2&z=9",
        "delay repeated, then malformed": "/data?a=1&delay=0.2&delay=portcompare&z=9",
        "delay malformed, then repeated": "/data?a=1&delay=portcompare&delay=0.2&z=9",
        "delay in brackets": "/data?a=1&delay[]=0.2&z=9",
        "delay in other case": "/data?a=1&DELAY=0.2&z=9",
        "delay name escaped": "/data?a=1&%64elay=0.2&z=9",
    }.items() <= found.items()
    assert len(found["delay long"]) > 3000


def test_a_query_of_one_parameter_is_gone_when_that_is_missing() -> None:
    assert targets(RequestSpec(name="", target="/data?a=1"), "a")["a missing"] == "/data"


def test_a_repeated_parameter_is_varied_as_one() -> None:
    found = targets(RequestSpec(name="", target="/data?a=1&b=2&a=3"), "a")

    assert found["a missing"] == "/data?b=2"
    assert found["a empty"] == "/data?a=&b=2"


def test_parameters_are_known_by_their_decoded_names() -> None:
    request = RequestSpec(name="", target="/data?%C3%A9=1&a+b=2&%C3%A9=3&flag&=5")

    assert parameter_names(request) == ("é", "a b", "flag", "")
    assert targets(request, "é")["é empty"].startswith("/data?%C3%A9=&a+b=2")


def test_what_cannot_be_seen_in_a_parameters_name_is_shown_escaped() -> None:
    (what, _), *_ = parameter_variants(RequestSpec(name="", target="/?%00x=1"), "\0x")

    assert what == "\\x00x missing"


def test_numbers_put_into_a_parameter_ask_for_nothing_much() -> None:
    found = targets(RequestSpec(name="", target="/data?delay=0"), "delay")
    numbers = []
    for target in found.values():
        for value in target.partition("?")[2].split("delay=")[1:]:
            try:
                numbers.append(float(unquote_to_bytes(value)))
            except ValueError:
                continue

    assert numbers
    assert not [number for number in numbers if 0 < number < 3600]


@pytest.mark.parametrize(("target", "before"), [("/data", "/data?"), ("/data?a=1", "/data?a=1&")])
def test_a_query_gets_what_nobody_knows(target: str, before: str) -> None:
    found = {what: case.target for what, case in query_variants(RequestSpec(name="", target=target))}

    assert found["unknown parameter"] == f"{before}portcompare=1"
    assert found["name that is not UTF-8"] == f"{before}%FF=1"


def test_an_identifier_in_a_path_is_text_negative_huge_and_not_utf8() -> None:
    found = {what: case.target for what, case in path_variants(RequestSpec(name="", target="/items/5?x=1"))}

    assert {
        "path segment 5 text": "/items/portcompare?x=1",
        "path segment 5 negative": "/items/-1?x=1",
        "path segment 5 beyond 64 bits": "/items/18446744073709551616?x=1",
        "path segment 5 point zero after": "/items/5.0?x=1",
        "path segment 5 encoded slash": "/items/5%2F5?x=1",
        "path segment 5 letters beyond ASCII": "/items/%C3%A9%E2%82%AC?x=1",
        "path segment 5 not UTF-8": "/items/%FF?x=1",
        "path segment 5 empty": "/items/?x=1",
        "slash at the end": "/items/5/?x=1",
        "path segment items in other case": "/ITEMS/5?x=1",
        "path segment items escaped": "/%69tems/5?x=1",
    }.items() <= found.items()


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/items/5", "/items/*"),
        ("/items/{id}/x", "/items/*/x"),
        ("/items/%7Bid%7D", "/items/*"),
        ("/users/0b8c1d0a-7b1e-4c5d-9a53-c1f0a7d0d3f1", "/users/*"),
        ("/v1/items", "/v1/items"),
        ("/defaced/cafe", "/defaced/cafe"),
        ("/", "/"),
    ],
)
def test_a_path_without_its_identifiers_tells_the_route(path: str, shape: str) -> None:
    assert shape_of(path) == shape


def test_the_slash_at_the_end_of_a_path_is_removed() -> None:
    found = {what: case.target for what, case in path_variants(RequestSpec(name="", target="/items/"))}

    assert found["slash at the end removed"] == "/items"
    assert "slash at the end" not in found


def test_the_root_has_no_other_path() -> None:
    assert list(path_variants(RequestSpec(name="", target="/"))) == []


def test_own_headers_are_left_out_malformed_and_emptied() -> None:
    own = (("Authorization", "Bearer x"), ("X-Tag", "1"), ("Content-Type", "text/plain"))
    found = {what: case.headers for what, case in header_variants(RequestSpec(name="", headers=own))}

    assert found["header Authorization missing"] == own[1:]
    assert found["header X-Tag malformed"] == (own[0], own[2], ("X-Tag", "portcompare"))
    assert found["header X-Tag empty"] == (own[0], own[2], ("X-Tag", ""))
    assert not [what for what in found if "Content-Type" in what or what == "header Authorization: Bearer"]


def test_what_the_comparison_looks_at_is_asked_for() -> None:
    asked = {
        name
        for what, case in header_variants(RequestSpec(name="", target="/x", method="PUT"))
        for name, _ in case.headers
    }

    assert {"Origin", "Accept-Encoding", "If-None-Match", "If-Modified-Since", "Range", "Accept"} <= asked
    preflight = dict(header_variants(RequestSpec(name="", target="/x", method="PUT")))["CORS preflight"]
    assert (preflight.method, preflight.target) == ("OPTIONS", "/x")
    assert ("Access-Control-Request-Method", "PUT") in preflight.headers


def bodies(request: RequestSpec) -> dict[str, RequestSpec]:
    return dict(body_variants(request))


def test_each_key_of_a_json_body_is_missing_null_and_of_another_type() -> None:
    request = http_request("/items", method="POST", json={"name": "x", "count": 3, "tags": ["a"]})
    found = {what: case.body for what, case in bodies(request).items() if what.startswith("key ")}

    assert json.loads(found["key name missing"]) == {"count": 3, "tags": ["a"]}
    assert json.loads(found["key name null"]) == {"name": None, "count": 3, "tags": ["a"]}
    assert json.loads(found["key name a number"])["name"] == 0
    assert json.loads(found["key count a text"])["count"] == "3"
    assert json.loads(found["key count a fraction"])["count"] == 0.5
    assert json.loads(found["key count with point zero"]) == {"name": "x", "count": 3.0, "tags": ["a"]}
    assert b"3.0" in found["key count with point zero"]
    assert json.loads(found["key tags an object"])["tags"] == {"portcompare": ["a"]}


def test_a_json_body_is_broken_of_another_type_and_in_other_encodings() -> None:
    request = http_request("/items", method="POST", json={"name": "é"})
    found = {what: case.body for what, case in bodies(request).items()}

    assert found["body is an object that does not end"] == b"{"
    assert found["body is null"] == b"null"
    assert found["body is a list"] == b"[0]"
    assert found["body is a key twice"].count(b'"portcompare"') == 2
    assert json.loads(found["body with an unknown key"]) == {"name": "é", "portcompare": 1}
    assert json.loads(found["body in UTF-16"].decode("utf-16")) == {"name": "é"}
    assert b"\xff" in found["body not UTF-8"]
    assert found["body empty"] == b""


def test_json_that_is_broken_already_is_only_replaced() -> None:
    request = RequestSpec(
        name="", method="POST", headers=(("Content-Type", "application/json"),), body=b'{"n": {n}}'
    )

    assert "body is null" in bodies(request)
    assert not [what for what in bodies(request) if what.startswith("key ")]


def test_the_content_type_is_wrong_and_missing() -> None:
    request = http_request("/items", method="POST", json={"a": 1})
    found = bodies(request)

    assert found["no Content-Type"].headers == ()
    assert found["no Content-Type"].body == request.body
    assert (found["no body"].headers, found["no body"].body) == ((), b"")
    assert found["Content-Type: text/plain"].headers == (("Content-Type", "text/plain"),)
    assert "Content-Type: application/json" not in found


def test_the_fields_of_a_form_are_varied_as_parameters_are() -> None:
    found = {
        what: case.body
        for what, case in bodies(http_request("/form", method="POST", form={"a": "1", "b": "é"})).items()
    }

    assert found["field a missing"] == b"b=%C3%A9"
    assert found["field a repeated"] == b"a=1&a=1&b=%C3%A9"
    assert found["field b not UTF-8"] == b"a=1&b=%FF"
    assert found["form with unknown parameter"] == b"a=1&b=%C3%A9&portcompare=1"


def test_the_parts_of_a_multipart_body_are_missing_repeated_and_broken() -> None:
    parts: dict[str, Part] = {"a": "1", "file": FilePart(filename="x.txt", content=b"hello")}
    request = http_request("/up", method="POST", multipart=parts)
    found = {what: case.body for what, case in bodies(request).items()}
    boundary = dict(request.headers)["Content-Type"].partition("boundary=")[2].encode()

    assert b'name="a"' not in found["part a missing"]
    assert found["part file repeated"].count(b"hello") == 2
    assert b"hello" not in found["part file empty"]
    assert b'filename="x.txt"' in found["part file empty"]
    assert b' name="a"' not in found["part a without its name"]
    assert found["multipart without parts"] == b"--" + boundary + b"--\r\n"
    assert not found["multipart without its end"].rstrip().endswith(b"--")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_body_of_what_only_reads_is_left_alone(method: str) -> None:
    assert bodies(http_request("/items", method=method, json={"a": 1})) == {}


def test_what_has_no_body_gets_none() -> None:
    assert bodies(RequestSpec(name="", method="POST")) == {}


@pytest.mark.parametrize(
    "request_",
    [
        RequestSpec(name="", target="/" + "x" * 4000),
        RequestSpec(name="", headers=(("X-Long", "x" * 4000),)),
        RequestSpec(name="", headers=(("X-Tag", "é"),)),
    ],
    ids=["target", "header", "letters"],
)
def test_what_a_server_answers_by_itself_is_known(request_: RequestSpec) -> None:
    assert not app_decides(request_)
    assert app_decides(RequestSpec(name="", target="/" + "x" * 3000, headers=(("X-Long", "x" * 3000),)))


PAIRS = st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), min_size=1, max_size=3)


@settings(max_examples=30, deadline=None)
@given(PAIRS, st.text(max_size=5))
def test_whatever_the_parameters_are_all_that_is_made_of_them_can_be_sent(
    pairs: list[tuple[str, str]], segment: str
) -> None:
    request = http_request("/items", query={}, form=dict(pairs), method="POST")
    queried = http_request("/items/7", query=dict(pairs), headers={"X-Tag": segment.encode().hex()})

    cases = [
        case
        for made in (
            body_variants(request),
            header_variants(queried),
            path_variants(queried),
            query_variants(queried),
            *(parameter_variants(queried, name) for name in parameter_names(queried)),
        )
        for _, case in made
    ]

    assert [flaw for case in cases if (flaw := find_flaw(case))] == []
