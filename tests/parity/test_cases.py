from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portcompare.model import RequestSpec
from portcompare.parity import derive_cases

METHODS = st.sampled_from(["GET", "POST", "HEAD", "DELETE", "PROPFIND"])
TARGETS = st.sampled_from(["/", "/a", "/a?x=1", "/a/", "/b?"])
REQUESTS = st.lists(st.builds(RequestSpec, name=st.just("any"), method=METHODS, target=TARGETS), max_size=6)


def test_around_a_scenario_stand_head_options_a_wrong_method_and_paths_that_do_not_exist() -> None:
    cases = derive_cases([RequestSpec(name="delayed", target="/data?delay=0.2")], [])

    assert [case.name for case in cases] == [
        "GET /data?delay=0.2",
        "HEAD /data",
        "OPTIONS /data",
        "PROPFIND /data",
        "GET /data/portcompare-no-such-path",
        "GET /portcompare-no-such-path",
    ]
    assert [f"{case.method} {case.target}" for case in cases] == [case.name for case in cases]


def test_two_scenarios_of_one_path_share_what_stands_around_it() -> None:
    cases = derive_cases(
        [RequestSpec(name="slow", target="/data?delay=2"), RequestSpec(name="fast", target="/data")], []
    )

    assert [case.name for case in cases] == [
        "GET /data?delay=2",
        "GET /data",
        "HEAD /data",
        "OPTIONS /data",
        "PROPFIND /data",
        "GET /data/portcompare-no-such-path",
        "GET /portcompare-no-such-path",
    ]


def test_the_wrong_method_is_one_that_nobody_uses_on_the_path() -> None:
    scenarios = [RequestSpec(name="a", target="/data"), RequestSpec(name="b", target="/other")]

    cases = derive_cases(scenarios, [RequestSpec(name="c", method="PROPFIND", target="/data?depth=1")])

    assert {"REPORT /data", "PROPFIND /other"} <= {case.name for case in cases}
    assert "PROPFIND /data" not in {case.name for case in cases}


def test_a_wrong_method_destroys_nothing_should_the_route_know_it() -> None:
    methods = {case.method for case in derive_cases([RequestSpec(name="a")], [])}

    assert not methods & {"DELETE", "PUT", "PATCH", "POST"}


def test_what_is_asked_around_a_path_carries_the_scenarios_headers() -> None:
    headers = (("Authorization", "Bearer x"),)

    cases = derive_cases([RequestSpec(name="a", target="/data", headers=headers)], [])

    assert {case.name: case.headers for case in cases} == {
        "GET /data": headers,
        "HEAD /data": headers,
        "OPTIONS /data": headers,
        "PROPFIND /data": headers,
        "GET /data/portcompare-no-such-path": headers,
        "GET /portcompare-no-such-path": (),
    }


def test_a_scenario_at_the_root_gives_one_missing_path() -> None:
    names = [case.name for case in derive_cases([RequestSpec(name="a", target="/?x=1")], [])]

    assert names.count("GET /portcompare-no-such-path") == 1
    assert not [name for name in names if "//" in name]


def test_the_plans_own_requests_come_last_and_have_nothing_around_them() -> None:
    cases = derive_cases(
        [RequestSpec(name="a", target="/data")],
        [
            RequestSpec(name="x", target="/healthz"),
            RequestSpec(name="y", method="POST", target="/data", body="b"),
        ],
    )

    assert [case.name for case in cases[-2:]] == ["GET /healthz", "POST /data"]
    assert cases[-1].body == "b"
    assert not [case for case in cases if case.target.startswith("/healthz/")]


def test_cases_that_method_and_target_do_not_tell_apart_are_numbered() -> None:
    cases = derive_cases(
        [], [RequestSpec(name="", method="POST", target="/data", body=body) for body in ("a", "b", "a")]
    )

    assert [(case.name, case.body) for case in cases] == [("POST /data", "a"), ("POST /data (2)", "b")]


def test_from_nothing_follows_nothing() -> None:
    assert derive_cases([], []) == ()


@given(REQUESTS, REQUESTS)
def test_every_case_stands_once_under_its_own_name(
    scenarios: list[RequestSpec], own: list[RequestSpec]
) -> None:
    cases = derive_cases(scenarios, own)

    assert len({case.name for case in cases}) == len(cases)
    assert len({(case.method, case.target) for case in cases}) == len(cases)
    assert {(each.method, each.target) for each in scenarios + own} <= {(c.method, c.target) for c in cases}
    assert cases == derive_cases(scenarios, own)
