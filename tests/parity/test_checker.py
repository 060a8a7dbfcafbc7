from base64 import b64decode
from threading import Barrier

import pytest

from portcompare.http.responses import Response
from portcompare.parity.outcome import Explored, sum_up
from portcompare.plan import Allowance
from portcompare.records.parity import Parity
from portcompare.records.requests import Expectation, LoginStep, RequestSpec
from portcompare.records.rounds import BASELINE
from tests.parity.clients import (
    ONE,
    SCENARIO,
    Client,
    Service,
    always,
    checker_of,
    checking,
    counting,
    document,
    in_turn,
    listed,
    masked_in,
    of_own,
    response,
)

HEAD = RequestSpec(name="HEAD /data", method="HEAD", target="/data")


def test_servers_are_sent_a_case_at_the_same_time_and_a_harmless_difference_leaves_them_equal() -> None:
    both = Barrier(2, timeout=60.0)

    def meeting(content_type: str) -> Service:
        return lambda _: response(("content-type", content_type if both.wait() >= 0 else ""))

    outcome = checking(meeting("text/html; charset=utf-8"), meeting("text/html;charset=UTF-8"))
    assert [each.severity for each in outcome.parity.differences] == ["harmless"]
    assert outcome.parity.equal


def test_a_difference_names_the_candidate_that_shows_it_and_the_most_severe_comes_first() -> None:
    services = always(), always(body=b"other"), always(("etag", '"1"')), always(status=500)
    outcome = checking(always(), *services)
    curl_lines = outcome.parity.differences[0].curl_baseline, outcome.parity.differences[0].curl_candidate
    assert curl_lines[0] != curl_lines[1]
    assert all(line.startswith("curl ") and line.endswith(SCENARIO.target) for line in curl_lines)
    assert not outcome.parity.equal
    assert outcome.parity.deployments == ("new-0", "new-1", "new-2", "new-3")
    assert listed(outcome) == [
        ("new-3", "status", "", "200", "500"),
        ("new-1", "body", "", "hello", "other"),
        ("new-2", "header", "ETag", "(absent)", '"1"'),
    ]


def test_a_status_that_changes_alike_everywhere_is_state_and_a_difference_where_it_does_not() -> None:
    def made_once() -> Service:
        return in_turn(response(status=201), response(status=409))

    outcome = checking(made_once(), made_once(), always(status=201), control=made_once())
    assert listed(outcome) == [("new-1", "status", "", "sent again: 409", "sent again: 201")]
    assert outcome.parity.differences[0].curl_candidate.count("curl ") == 2
    assert masked_in(outcome.parity) == ()
    assert outcome.expectation(SCENARIO) is None


def test_a_candidate_that_does_not_respond_differs_and_a_baseline_that_does_not_is_not_compared() -> None:
    def silent(_: RequestSpec) -> Response:
        return Response(server="x", error="connection reset")

    silence = "no response: connection reset"
    assert listed(checking(always(), silent)) == [("new-0", "status", "", "200", silence)]
    outcome = checking(silent, silent)
    assert (outcome.parity.verdict, listed(outcome)) == ("not compared", [])
    assert [each.reason for each in outcome.parity.coverage.not_compared] == [
        "the baseline sent no response: connection reset"
    ]
    assert outcome.expectation(SCENARIO) is None


def test_where_a_baseline_contradicts_its_control_nothing_but_a_third_status_is_a_difference() -> None:
    outcome = checking(always(), always(), always(status=503), control=always(status=503))
    assert (outcome.parity.verdict, listed(outcome)) == ("not compared", [])
    [uncompared] = outcome.parity.coverage.not_compared
    assert uncompared.reason == "two instances of the baseline respond differently: 200 and 503"
    outcome = checking(always(), always(), always(status=404), control=always(status=503))
    assert listed(outcome) == [("new-1", "status", "", "200", "404")]


@pytest.mark.parametrize(("bodies", "severity"), [((b"", b"hello"), "breaks"), ((b"hello", b""), "changes")])
def test_a_body_after_the_headers_of_a_head_response_is_a_difference(
    bodies: tuple[bytes, bytes], severity: str
) -> None:
    [difference] = checking(*(always(body=body) for body in bodies), cases=[HEAD]).parity.differences
    assert (difference.kind, difference.pointer, difference.severity) == ("body", "", severity)


def test_what_the_plan_allows_is_listed_with_its_reason_and_leaves_the_responses_equal() -> None:
    allow = [
        Allowance(reason="never", pointer="X-*"),
        Allowance(reason="caches now", kind="header", pointer="ETag", case="GET *", deployment="new-*"),
    ]
    outcome = checking(always(), always(("etag", "x")), allow=allow)
    assert outcome.parity.equal
    assert [(each.pointer, each.allowed) for each in outcome.parity.differences] == [("ETag", "caches now")]
    [unused] = outcome.unused_allowances
    assert "'never'" in unused
    assert "'X-*'" in unused


@pytest.mark.parametrize(
    "other", [{"case": "POST *"}, {"deployment": "other"}, {"kind": "json"}, {"pointer": "etag"}]
)
def test_an_allowance_must_match_in_everything(other: dict[str, str]) -> None:
    allow = [Allowance.model_validate({"reason": "r", "kind": "header", "pointer": "ETag"} | other)]
    assert not checking(always(), always(("etag", "x")), allow=allow).parity.equal


@pytest.mark.parametrize("pattern", ["GET /a?b[]=1 [b[] repeated]", "GET /a?b[]=1 [*]"])
def test_a_case_is_allowed_by_its_name_as_the_report_has_it(pattern: str) -> None:
    names = [f"GET /a?b[]=1 [b[] {how}]" for how in ("repeated", "empty")]
    cases = [RequestSpec(name=name, target="/a?b[]=1") for name in names]
    allow = [Allowance(reason="r", case=pattern)]
    outcome = checking(always(), always(("etag", "x")), cases=cases, allow=allow)
    allowed = [each.case for each in outcome.parity.differences if each.allowed]
    assert allowed == names[: 1 if "repeated" in pattern else 2]


def test_of_very_many_differences_in_one_response_some_are_listed_and_the_rest_counted() -> None:
    outcome = checking(lambda _: document(list(range(100))), lambda _: document(list(range(1, 101))))
    assert len(outcome.parity.differences) == 20
    assert outcome.parity.warnings == ("GET /data?delay=0 at new-0: 80 more differences are not listed",)


def test_the_cases_are_known_by_name_in_their_order_and_without_any_nothing_is_equal() -> None:
    with checker_of({BASELINE: Client(always()), "new": Client(always(status=500))}) as checker:
        outcome = sum_up(
            checker,
            of_own(checker.check_all((RequestSpec(name="GET /nothing", target="/nothing"), *ONE))),
            explored=Explored(seeds=("7",)),
        )
    names = ["GET /nothing", "GET /data?delay=0"]
    assert (outcome.parity.cases, outcome.parity.seeds) == (2, ("7",))
    assert [each.case for each in outcome.parity.differences] == list(outcome.cases) == names
    none = checking(always(), always(), cases=()).parity
    assert none == Parity(verdict="not compared", cases=0, deployments=("new-0",), differences=())
    assert checking(always()).parity.verdict == "not compared"


def test_a_servers_own_address_is_no_difference_and_expected_as_such_under_load() -> None:
    def own_address(port: int) -> Service:
        host = f"127.0.0.1:{port}"
        headers = (("location", f"http://{host}/new"),)
        return lambda _: Response(server=host, status=201, headers=headers, body=f"made {host}".encode())

    outcome = checking(own_address(8000), own_address(43210))
    assert outcome.parity.equal
    assert masked_in(outcome.parity) == ()
    assert outcome.expectation(SCENARIO) == Expectation(
        status=201, body_base64="bWFkZSB7c2VydmVyfQ==", own_address=True
    )


@pytest.mark.parametrize("body", [b"", b"hello", b"\xff\x00\n", "é".encode()])
def test_the_baselines_response_is_expected_under_load(body: bytes) -> None:
    outcome = checking(always(status=203, body=body), always(status=203, body=body))
    expectation = outcome.expectation(SCENARIO)
    assert expectation is not None
    assert expectation.status == 203
    assert b64decode(expectation.body_base64 or "") == body
    assert outcome.expectation(RequestSpec(name=SCENARIO.name, target="/other")) is None


def test_an_arm_whose_difference_is_allowed_is_held_to_its_own_response_under_load() -> None:
    allow = [Allowance(reason="prices are text now", kind="json", pointer="/price")]
    outcome = checking(lambda _: document({"price": 1}), lambda _: document({"price": "1"}), allow=allow)
    assert outcome.parity.equal
    for arm, body in ((BASELINE, b'{"price": 1}'), ("new-0", b'{"price": "1"}')):
        expectation = outcome.expectation(SCENARIO, arm)
        assert expectation is not None
        assert b64decode(expectation.body_base64 or "") == body


def test_a_login_that_fails_at_a_candidate_is_one_difference_also_where_the_case_is_sent_again() -> None:
    login = (LoginStep(request=RequestSpec(name="in", target="/login")),)
    cases = [RequestSpec(name=f"GET {path}", target=path, login=login) for path in ("/a", "/b")]
    out = Client(lambda _: Response(server="x", error="the login failed"))
    out.failing = "login step 1, GET /login: status 403"
    with checker_of({BASELINE: Client(always()), "out": out, "new": Client(always(body=b"x"))}) as checker:
        results = checker.check_all(cases)
    found = [(result.case.name, each.deployment) for result in results for each in result.differences]
    assert found == [("GET /a", "out"), ("GET /a", "new"), ("GET /b", "new")]


def test_cookies_whose_names_are_drawn_at_random_are_noise_and_one_that_stays_is_not() -> None:
    def make(letter: str, *stays: tuple[str, str]) -> Service:
        return counting(lambda turn: response(("set-cookie", f"s_{letter}{turn}=1"), *stays))

    kept = ("set-cookie", "s_kept=1")
    outcome = checking(make("a", kept), make("b"), make("c", kept), control=make("d", kept))
    assert [(each[0], each[2]) for each in listed(outcome)] == [("new-0", "Set-Cookie: s_kept")]
    assert [each.omitted for each in outcome.parity.coverage.in_part] == [("Set-Cookie: s_*",)]


@pytest.mark.parametrize(("status", "is_flaky"), [(500, True), (503, True), (404, False)])
def test_a_baseline_that_fails_now_and_then_is_not_compared_in_full(status: int, *, is_flaky: bool) -> None:
    def flaky() -> Service:
        return in_turn(response(), response(status=status))

    outcome = checking(flaky(), flaky(), control=flaky())
    assert [each.reason for each in outcome.parity.coverage.not_compared] == (
        [f"the baseline responds with 200 and {status} to the same request"] if is_flaky else []
    )
