from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcompare.http.requests import http_request
from portcompare.parity import derive_cases
from portcompare.parity.cases import identity
from portcompare.records.requests import LoginStep, RequestSpec

METHODS = st.sampled_from(["GET", "POST", "HEAD", "DELETE", "PROPFIND"])
TARGETS = st.sampled_from(["/", "/a", "/a?x=1", "/a/", "/b?", "/items/5"])
REQUESTS = st.lists(st.builds(RequestSpec, name=st.just(""), method=METHODS, target=TARGETS), max_size=4)


def varied(cases: tuple[RequestSpec, ...]) -> list[RequestSpec]:
    return [case for case in cases if case.name.endswith("]")]


def test_around_a_path_stand_head_options_a_wrong_method_and_paths_that_do_not_exist() -> None:
    cases = derive_cases([RequestSpec(name="delayed", target="/data?delay=0.2")], [])

    around = [case for case in cases if case not in varied(cases)]
    assert [case.name for case in around] == [
        "GET /data?delay=0.2",
        "HEAD /data?delay=0.2",
        "HEAD /data",
        "OPTIONS /data",
        "PROPFIND /data",
        "GET /data/portcompare-no-such-path",
        "GET /portcompare-no-such-path",
    ]
    assert [f"{case.method} {case.target}" for case in around] == [case.name for case in around]


def test_the_plans_requests_are_asked_before_anything_odd() -> None:
    cases = derive_cases(
        [RequestSpec(name="slow", target="/data?delay=2"), RequestSpec(name="fast", target="/data")],
        [RequestSpec(name="x", target="/healthz")],
    )

    assert [case.name for case in cases[:3]] == ["GET /data?delay=2", "GET /data", "GET /healthz"]


def test_only_the_paths_that_the_plan_names_are_varied() -> None:
    asked = [RequestSpec(name="a", target="/data?delay=2"), RequestSpec(name="b", target="/items/5")]

    cases = derive_cases(asked, [RequestSpec(name="c", target="/healthz")], ["/items/*", "/x"])

    assert {case.target.partition("?")[0] for case in cases if case not in varied(cases)} == {
        "/data",
        "/healthz",
        "/items/5",
        "/items/5/portcompare-no-such-path",
        "/portcompare-no-such-path",
    }
    assert {case.name.partition(" [")[0] for case in varied(cases)} == {"GET /items/5"}


def test_two_requests_of_one_path_share_what_stands_around_it() -> None:
    cases = derive_cases(
        [RequestSpec(name="slow", target="/data?delay=2"), RequestSpec(name="fast", target="/data")], []
    )

    names = [case.name for case in cases]
    assert names.count("OPTIONS /data") == 1
    assert sum("[slash at the end]" in name for name in names) == 1


def test_the_wrong_method_is_one_that_nobody_uses_on_the_path() -> None:
    scenarios = [RequestSpec(name="a", target="/data"), RequestSpec(name="b", target="/other")]

    cases = derive_cases(scenarios, [RequestSpec(name="c", method="PROPFIND", target="/data?depth=1")])

    assert {"REPORT /data", "PROPFIND /other"} <= {case.name for case in cases}
    assert "PROPFIND /data" not in {case.name for case in cases}


def test_a_wrong_method_destroys_nothing_should_the_route_know_it() -> None:
    methods = {case.method for case in derive_cases([RequestSpec(name="a")], [])}

    assert not methods & {"DELETE", "PUT", "PATCH", "POST"}


@pytest.mark.parametrize("method", ["DELETE", "PURGE"])
def test_a_method_that_may_destroy_is_sent_as_the_plan_has_it_and_never_varied(method: str) -> None:
    request = http_request("/items/5", method=method, query={"older": "9"}, json={"a": 1})

    cases = derive_cases([request], [])

    assert [identity(case) for case in cases if case.method == method] == [identity(request)]
    assert not [case for case in cases if case.body and case.method != method]


def test_what_is_made_of_a_request_carries_its_headers_and_login() -> None:
    headers = (("Authorization", "Bearer {token}"),)
    login = (LoginStep(request=RequestSpec(name="in", target="/login"), keep=(("token", "json:/t"),)),)

    cases = derive_cases([RequestSpec(name="a", target="/data?x=1", headers=headers, login=login)], [])

    others = [case for case in cases if "[header Authorization" not in case.name and "CORS" not in case.name]
    without = [case.name for case in others if not set(headers) <= set(case.headers)]
    assert without == ["GET /portcompare-no-such-path"]
    assert [case.name for case in cases if case.login != login] == without


def test_a_scenario_at_the_root_gives_one_missing_path() -> None:
    names = [case.name for case in derive_cases([RequestSpec(name="a", target="/?x=1")], [])]

    assert names.count("GET /portcompare-no-such-path") == 1
    assert not [name for name in names if "//" in name.partition(" [")[0]]


def test_of_a_route_the_plans_own_request_is_varied_before_a_scenarios() -> None:
    cases = derive_cases(
        [RequestSpec(name="slow", target="/data?delay=2")], [RequestSpec(name="", target="/data?delay=0")]
    )

    assert {case.name.partition(" [")[0] for case in varied(cases)} == {"GET /data?delay=0"}


def test_each_parameter_is_varied_in_the_first_request_that_has_it() -> None:
    cases = derive_cases(
        [], [RequestSpec(name="", target=f"/data{query}") for query in ("", "?a=1", "?a=2&b=3", "?b=4")]
    )

    empty = [(case.name, case.target) for case in cases if case.name.endswith((" [a empty]", " [b empty]"))]
    assert empty == [
        ("GET /data?a=1 [a empty]", "/data?a="),
        ("GET /data?a=2&b=3 [b empty]", "/data?a=2&b="),
    ]


def test_paths_that_differ_in_an_identifier_only_are_one_route() -> None:
    paths = ["/items/1/notes", "/items/2/notes", "/items/0b8c1d0a-7b1e-4c5d-9a53-c1f0a7d0d3f1/notes"]

    cases = derive_cases([], [RequestSpec(name="", target=path) for path in (*paths, "/items/1/tags")])

    assert {case.name.partition(" [")[0] for case in varied(cases)} == {
        "GET /items/1/notes",
        "GET /items/1/tags",
    }


def test_requests_that_are_rows_of_one_template_are_one_route() -> None:
    rows = [RequestSpec(name="GET /users/{user}", target=f"/users/{name}") for name in ("ada", "bob", "eve")]

    cases = derive_cases(rows, [])

    assert [case.name for case in cases[:3]] == ["GET /users/ada", "GET /users/bob", "GET /users/eve"]
    assert {case.name.partition(" [")[0] for case in varied(cases)} == {"GET /users/ada"}


def test_each_method_of_a_path_is_varied() -> None:
    cases = derive_cases(
        [], [RequestSpec(name="", target="/a"), RequestSpec(name="", target="/a", method="POST", body=b"x")]
    )

    assert {case.method for case in varied(cases)} == {"GET", "POST", "OPTIONS"}  # the last for CORS
    assert [case.name for case in cases if case.name == "OPTIONS /a"] == ["OPTIONS /a"]


def test_cases_that_method_and_target_do_not_tell_apart_are_numbered() -> None:
    bodies = [RequestSpec(name="", method="DELETE", target="/data", body=body) for body in (b"a", b"b", b"a")]

    cases = derive_cases([], bodies)

    assert [(case.name, case.body) for case in cases[:2]] == [
        ("DELETE /data", b"a"),
        ("DELETE /data (2)", b"b"),
    ]


def test_no_case_is_longer_than_what_every_server_hands_to_the_app() -> None:
    short, long = "/data?x=1", "/data?x=" + "y" * 2000

    of_short, of_long = (derive_cases([], [RequestSpec(name="", target=target)]) for target in (short, long))

    assert max(len(case.target) for case in (*of_short, *of_long)) <= 4000
    assert f"GET {short} [x repeated]" in {case.name for case in of_short}
    assert f"GET {long} [x repeated]" not in {case.name for case in of_long}
    assert f"GET {long} [x empty]" in {case.name for case in of_long}


def test_a_request_of_the_plans_own_is_sent_however_long_it_is() -> None:
    request = RequestSpec(name="", target="/" + "x" * 9000)

    assert identity(derive_cases([], [request])[0]) == request


def test_from_nothing_follows_nothing() -> None:
    assert derive_cases([], []) == ()


@settings(max_examples=25, deadline=None)
@given(REQUESTS, REQUESTS)
def test_every_case_stands_once_under_its_own_name(
    scenarios: list[RequestSpec], own: list[RequestSpec]
) -> None:
    cases = derive_cases(scenarios, own)

    assert len({case.name for case in cases}) == len(cases)
    assert len(set(map(identity, cases))) == len(cases)
    assert set(map(identity, (*scenarios, *own))) <= set(map(identity, cases))
    assert cases == derive_cases(scenarios, own)
