"""Variants of a request, by subject."""

import json
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from hypothesis import given, settings
from hypothesis import strategies as st

from portcompare.http.requests import FilePart, Part, find_flaw, http_request
from portcompare.parity.body_variants import body_variants
from portcompare.parity.header_variants import app_decides, header_variants
from portcompare.parity.url_variants import (
    parameter_names,
    parameter_variants,
    path_variants,
    query_variants,
    shape_of,
)
from portcompare.records.requests import RequestSpec


def at(target: str) -> RequestSpec:
    return RequestSpec(name="", target=target)


def targets(variants: Iterable[tuple[str, RequestSpec]]) -> dict[str, str]:
    return {what: case.target for what, case in variants}


def parameter_targets(target: str, name: str) -> dict[str, str]:
    return targets(parameter_variants(at(target), name))


def bodies(request: RequestSpec) -> dict[str, bytes]:
    return {what: case.body for what, case in body_variants(request)}


def test_a_parameter_is_missing_empty_malformed_repeated_and_in_other_notations() -> None:
    found = parameter_targets("/data?a=1&delay=0.2&z=9", "delay")
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


def test_a_parameter_is_varied_wherever_it_is_and_known_by_its_decoded_name() -> None:
    target = "/data?%C3%A9=1&a+b=2&%C3%A9=3&flag&=5"
    assert parameter_names(at(target)) == ("é", "a b", "flag", "")
    assert parameter_targets(target, "é")["é empty"] == "/data?%C3%A9=&a+b=2&flag&=5"
    assert parameter_targets("/data?a=1&b=2&a=3", "a")["a missing"] == "/data?b=2"
    assert parameter_targets("/data?a=1", "a")["a missing"] == "/data"
    assert next(iter(parameter_targets("/?%00x=1", "\0x"))) == "\\x00x missing"


def test_numbers_put_into_a_parameter_cause_no_long_wait() -> None:
    numbers = []
    for target in parameter_targets("/data?delay=0", "delay").values():
        for value in target.partition("?")[2].split("delay=")[1:]:
            try:
                numbers.append(float(unquote_to_bytes(value)))
            except ValueError:
                continue
    assert numbers
    assert not [number for number in numbers if 0 < number < 3600]


def test_a_query_gets_additions_that_no_app_knows() -> None:
    for target, before in {"/data": "/data?", "/data?a=1": "/data?a=1&"}.items():
        found = targets(query_variants(at(target)))
        assert found["unknown parameter"] == f"{before}portcompare=1"
        assert found["name that is not UTF-8"] == f"{before}%FF=1"


def test_an_identifier_in_a_path_is_text_negative_huge_and_not_utf8() -> None:
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
    }.items() <= targets(path_variants(at("/items/5?x=1"))).items()
    found = targets(path_variants(at("/items/")))
    assert found["slash at the end removed"] == "/items"
    assert "slash at the end" not in found
    assert list(path_variants(at("/"))) == []


def test_a_path_without_its_identifiers_identifies_the_route() -> None:
    paths = ["/items/5", "/items/%7Bid%7D", "/items/0b8c1d0a-7b1e-4c5d-9a53-c1f0a7d0d3f1", "/items/{id}"]
    assert {shape_of(path) for path in paths} == {"/items/*"}
    assert shape_of("/items/{id}/x") == "/items/*/x"
    for path in ("/v1/items", "/defaced/cafe", "/"):
        assert shape_of(path) == path


def test_own_headers_are_left_out_malformed_and_emptied() -> None:
    own = (("Authorization", "Bearer x"), ("X-Tag", "1"), ("Content-Type", "text/plain"))
    found = {what: case.headers for what, case in header_variants(RequestSpec(name="", headers=own))}
    assert found["header Authorization missing"] == own[1:]
    assert found["header X-Tag malformed"] == (own[0], own[2], ("X-Tag", "portcompare"))
    assert found["header X-Tag empty"] == (own[0], own[2], ("X-Tag", ""))
    assert not [what for what in found if "Content-Type" in what or what == "header Authorization: Bearer"]


def test_responses_are_requested_in_the_forms_that_are_compared() -> None:
    found = dict(header_variants(RequestSpec(name="", target="/x", method="PUT")))
    names = {name for case in found.values() for name, _ in case.headers}
    preflight = found["CORS preflight"]
    assert {"Origin", "Accept-Encoding", "If-None-Match", "If-Modified-Since", "Range", "Accept"} <= names
    assert (preflight.method, preflight.target) == ("OPTIONS", "/x")
    assert ("Access-Control-Request-Method", "PUT") in preflight.headers


def test_each_key_of_a_json_body_is_missing_null_and_of_another_type() -> None:
    found = bodies(http_request("/", method="POST", json={"name": "x", "count": 3, "tags": ["a"]}))
    for what, document in {
        "key name missing": {"count": 3, "tags": ["a"]},
        "key name null": {"name": None, "count": 3, "tags": ["a"]},
        "key name a number": {"name": 0, "count": 3, "tags": ["a"]},
        "key count a text": {"name": "x", "count": "3", "tags": ["a"]},
        "key count a fraction": {"name": "x", "count": 0.5, "tags": ["a"]},
        "key tags an object": {"name": "x", "count": 3, "tags": {"portcompare": ["a"]}},
        "body with an unknown key": {"name": "x", "count": 3, "tags": ["a"], "portcompare": 1},
    }.items():
        assert json.loads(found[what]) == document
    assert b"3.0" in found["key count with point zero"]


def test_a_json_body_is_broken_of_another_type_and_in_other_encodings() -> None:
    found = bodies(http_request("/", method="POST", json={"name": "é"}))
    assert found["body is an object that does not end"] == b"{"
    assert found["body is null"] == b"null"
    assert found["body is a list"] == b"[0]"
    assert found["body is a key twice"].count(b'"portcompare"') == 2
    assert json.loads(found["body in UTF-16"].decode("utf-16")) == {"name": "é"}
    assert b"\xff" in found["body not UTF-8"]
    assert found["body empty"] == b""


def test_the_content_type_is_wrong_and_missing_and_what_has_no_body_or_reads_gets_none() -> None:
    request = http_request("/items", method="POST", json={"a": 1})
    found = {what: (case.headers, case.body) for what, case in body_variants(request)}
    assert found["no Content-Type"] == ((), request.body)
    assert found["no body"] == ((), b"")
    assert found["Content-Type: text/plain"] == ((("Content-Type", "text/plain"),), request.body)
    assert "Content-Type: application/json" not in found
    assert bodies(RequestSpec(name="", method="POST")) == {}
    assert bodies(http_request("/items", json={"a": 1})) == {}


def test_the_fields_of_a_form_are_varied_as_parameters_are() -> None:
    assert {
        "field a missing": b"b=%C3%A9",
        "field a repeated": b"a=1&a=1&b=%C3%A9",
        "field b not UTF-8": b"a=1&b=%FF",
        "form with unknown parameter": b"a=1&b=%C3%A9&portcompare=1",
    }.items() <= bodies(http_request("/", method="POST", form={"a": "1", "b": "é"})).items()


def test_the_parts_of_a_multipart_body_are_missing_repeated_and_broken() -> None:
    parts: dict[str, Part] = {"a": "1", "file": FilePart(filename="x.txt", content=b"hello")}
    request = http_request("/up", method="POST", multipart=parts)
    found = bodies(request)
    boundary = dict(request.headers)["Content-Type"].partition("boundary=")[2].encode()
    assert b'name="a"' not in found["part a missing"]
    assert found["part file repeated"].count(b"hello") == 2
    assert b"hello" not in found["part file empty"]
    assert b'filename="x.txt"' in found["part file empty"]
    assert b' name="a"' not in found["part a without its name"]
    assert found["multipart without parts"] == b"--" + boundary + b"--\r\n"
    assert not found["multipart without its end"].rstrip().endswith(b"--")


def test_requests_that_a_server_responds_to_by_itself_are_known() -> None:
    assert not app_decides(at("/" + "x" * 4000))
    assert not app_decides(RequestSpec(name="", headers=(("X-Long", "x" * 4000),)))
    assert not app_decides(RequestSpec(name="", headers=(("X-Tag", "é"),)))
    assert app_decides(RequestSpec(name="", target="/" + "x" * 3000, headers=(("X-Long", "x" * 3000),)))


PAIRS = st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), min_size=1, max_size=3)


@settings(max_examples=15)
@given(PAIRS, st.text(max_size=5))
def test_whatever_the_parameters_are_all_variants_can_be_sent(
    pairs: list[tuple[str, str]], segment: str
) -> None:
    posted = http_request("/items", query={}, form=dict(pairs), method="POST")
    queried = http_request("/items/7", query=dict(pairs), headers={"X-Tag": segment.encode().hex()})
    parameters = [each for name in parameter_names(queried) for each in parameter_variants(queried, name)]
    of_path = (*path_variants(queried), *query_variants(queried), *parameters)
    for _, case in (*body_variants(posted), *header_variants(queried), *of_path):
        assert find_flaw(case) is None
