"""The course of a check: what must work, what is varied, and where it stops."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus

import pytest

from portcompare.errors import InputError
from portcompare.http.responses import Response
from portcompare.parity.outcome import sum_up
from portcompare.parity.survey import Limits, survey
from portcompare.records.parity import Parity
from portcompare.records.requests import LoginStep, RequestSpec
from portcompare.records.rounds import BASELINE
from tests.parity.clients import Client, Service, always, checker_of, response

OWN = RequestSpec(name="list", target="/items")
OTHER = RequestSpec(name="one", target="/items/7")
LOGIN = (LoginStep(request=RequestSpec(name="", method="POST", target="/login")),)
FORM = b'<form method="post"><input name="user"><input type="password" name="password"></form>'


def check(
    arms: Mapping[str, Service] | Service, *own: RequestSpec, limits: Limits | None = None
) -> tuple[Parity, dict[str, Client]]:
    services = arms if isinstance(arms, Mapping) else {BASELINE: arms, "new": arms}
    clients = {arm: Client(service) for arm, service in services.items()}
    with checker_of(clients) as checker:
        found = survey(checker, own or (OWN,), (), ["*"], limits or Limits())
        return sum_up(checker, found).parity, clients


def by_path(**statuses: int) -> Service:
    """Respond by the first part of the path, to others with 404."""
    return lambda case: response(status=statuses.get(case.target.split("/")[1].partition("?")[0], 404))


def limited(requests: int, status: int = HTTPStatus.TOO_MANY_REQUESTS) -> Callable[[], Service]:
    """Servers that refuse after some requests."""

    def make() -> Service:
        left = [requests]

        def respond(case: RequestSpec) -> Response:
            left[0] -= 1
            return (
                response(status=200 if case.target.startswith("/items") else 404)
                if left[0] >= 0
                else response(status=status)
            )

        return respond

    return make


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_a_request_of_the_plan_that_does_not_work_is_a_fault_and_is_not_varied(status: int) -> None:
    parity, clients = check(by_path(items=status))
    [fault] = parity.faults
    assert (fault.case, parity.verdict) == ("GET /items", "not compared")
    [uncompared] = parity.coverage.not_compared
    assert (uncompared.case, uncompared.reason) == ("GET /items", "fault of the plan")
    assert fault.found.startswith(f"status {status}: hello")
    assert f"expect = {{ status = {status} }}" in fault.remedy
    assert {each.target for each in clients["new"].received} == {"/items"}


def test_a_status_that_the_plan_expects_is_no_fault_and_another_one_is() -> None:
    parity, _ = check(by_path(items=404), replace(OWN, expected_status=404))
    assert (parity.faults, parity.verdict) == ((), "alike")
    parity, _ = check(by_path(items=200), replace(OWN, expected_status=404))
    assert parity.faults[0].found == "status 200, where the plan expects 404"


def test_a_fault_of_one_request_leaves_the_others_compared() -> None:
    parity, clients = check(by_path(items=200), OWN, RequestSpec(name="", target="/broken"))
    assert [each.case for each in parity.faults] == ["GET /broken"]
    assert {"/items", "/items?portcompare=1"} <= {each.target for each in clients["new"].received}
    assert parity.coverage.in_full > 1


@pytest.mark.parametrize(
    "location", ["/auth/login?next=/items", "http://127.0.0.1:1/sign-in", "/accounts/login/"]
)
def test_a_redirect_to_a_login_is_a_fault_and_another_redirect_is_not(location: str) -> None:
    parity, _ = check(lambda _: response(("location", location), status=302))
    assert "it needs a login" in parity.faults[0].found
    for elsewhere in ("/blog/items", "/auth/profile", "/authors", "/oauth/callback"):
        parity, _ = check(always(("location", elsewhere), status=302))
        assert parity.faults == ()


def test_no_response_from_the_baseline_is_a_fault_sent_once_and_not_varied() -> None:
    lost = Response(server="127.0.0.1:1", error="no complete response within 1 s (parity.timeout_s)")
    parity, clients = check(
        lambda case: lost if case.target == "/items" else response(status=200), OWN, OTHER
    )
    assert parity.faults[0].found == f"no response: {lost.error}"
    assert [each.target for each in clients[BASELINE].received].count("/items") == 1


@pytest.mark.parametrize(
    ("page", "failing", "said"),
    [
        (
            response(body=FORM),
            "",
            "GET /items .* same response after POST /login as before it: the login did",
        ),
        (
            response(("location", "/login"), status=302),
            "",
            "GET /items .* same response after POST /login as before it: the login did",
        ),
        (response(), "login step 1, POST /login: status 401", "login step 1, POST /login: status 401"),
    ],
)
def test_a_login_that_fails_or_has_no_effect_ends_the_check(page: Response, failing: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_with_login(lambda _: page, failing)


def test_a_page_with_a_password_form_of_its_own_is_no_failed_login() -> None:
    parity = check_with_login(
        lambda case: response(body=FORM) if case.login else response(("location", "/login"), status=302)
    )
    assert parity.verdict == "alike"


def test_a_login_that_shows_its_form_again_and_changes_nothing_is_a_failed_login() -> None:
    with pytest.raises(
        InputError, match="a password form again, and GET /items gets the same response after"
    ):
        check_with_login(lambda _: response(), shows_form=True)
    unchanged = check_with_login(lambda _: response())
    (warning,) = unchanged.warnings
    assert warning.startswith("GET /items gets the same response after POST /login as before it")
    changed = check_with_login(lambda case: response(body=b"%r" % bool(case.login)), shows_form=True)
    assert (unchanged.verdict, changed.verdict, changed.warnings) == ("alike", "alike", ())


def check_with_login(service: Service, failing: str = "", *, shows_form: bool = False) -> Parity:
    clients = {arm: Client(service) for arm in (BASELINE, "new")}
    clients[BASELINE].failing, clients[BASELINE].shows_form = failing, shows_form
    with checker_of(clients) as checker:
        return sum_up(checker, survey(checker, [replace(OWN, login=LOGIN)], (), [], Limits())).parity


def test_a_case_that_fails_alone_leaves_the_others_compared() -> None:
    parity, clients = check(lambda case: response(status=500 if "portcompare" in case.target else 200))
    assert parity.verdict == "alike"
    assert parity.coverage.not_compared == ()
    sent = [[each.target for each in client.received] for client in clients.values()]
    assert sent[0] == sent[1]


@pytest.mark.parametrize(
    ("arms", "status", "reason"),
    [
        ((BASELINE, "new"), 429, "a rate limit"),
        (("new",), 429, "a rate limit"),
        ((BASELINE,), 429, "a rate limit"),
        ((BASELINE, "new"), 401, "a login or token that has expired"),
        ((BASELINE, "new"), 503, ""),
    ],
)
def test_a_server_that_refuses_from_some_request_on_is_named_and_what_comes_after_it_is_not_compared(
    arms: tuple[str, ...], status: int, reason: str
) -> None:
    make, free = limited(20, status), limited(10**6)
    own = replace(OWN, headers=(("Authorization", "Bearer x"),))
    parity, _ = check({arm: (make if arm in arms else free)() for arm in (BASELINE, "new")}, own)
    assert (parity.verdict, parity.differences) == ("not compared", ())
    reasons = {each.reason for each in parity.coverage.not_compared}
    assert all(f"{arms[0]} has responded with status {status} since" in each for each in reasons)
    assert all(reason in each for each in reasons)
    assert parity.coverage.in_full == 10
    assert parity.cases == parity.coverage.in_full + len(parity.coverage.not_compared)


@pytest.mark.parametrize("arm", [BASELINE, "new"])
def test_a_rate_limit_that_begins_while_a_case_is_sent_again_is_named(arm: str) -> None:
    refuse = limited(2)()

    def differing(case: RequestSpec) -> Response:
        return response(body=b"other") if case.target == "/items" else response(status=404)

    services = {BASELINE: by_path(items=200), "new": differing}
    free = services[arm]
    services[arm] = lambda case: refused if (refused := refuse(case)).status == 429 else free(case)
    parity, _ = check(services)
    assert (parity.verdict, parity.differences) == ("not compared", ())
    reasons = {each.case: each.reason for each in parity.coverage.not_compared}
    assert reasons["GET /items"].startswith(f"{arm} has responded with status 429 since GET /items")


def test_a_limit_of_one_route_leaves_the_others_compared() -> None:
    slow, free = limited(8)(), by_path(items=200, free=200)
    parity, _ = check(
        {arm: lambda case: (slow if case.target.startswith("/items") else free)(case) for arm in (BASELINE,)}
        | {"new": free},
        OWN,
        RequestSpec(name="", target="/free"),
    )
    assert parity.verdict == "not compared"
    assert not any(each.case.startswith("GET /free") for each in parity.coverage.not_compared)


@pytest.mark.parametrize("status", [401, 403])
def test_a_login_that_expires_is_repeated_and_the_case_sent_again(status: int) -> None:
    def make() -> tuple[Service, Callable[[], None]]:
        left = [9]

        def respond(_: RequestSpec) -> Response:
            left[0] -= 1
            return response(status=200 if left[0] > 0 else status)

        return respond, lambda: left.__setitem__(0, 10**6)

    services = {arm: make() for arm in (BASELINE, "new")}
    clients = {arm: Client(respond) for arm, (respond, _) in services.items()}
    for arm, (_, renew) in services.items():
        clients[arm].renew = renew
    with checker_of(clients) as checker:
        parity = sum_up(checker, survey(checker, [replace(OWN, login=LOGIN)], (), ["*"], Limits())).parity
    assert parity.verdict == "alike"
    assert parity.coverage.not_compared == ()
    assert any("had expired" in each for each in parity.warnings)


def test_a_route_that_one_side_lacks_is_one_difference() -> None:
    free = RequestSpec(name="", target="/free")
    for lacking, has in (("new", BASELINE), (BASELINE, "new")):
        services = {has: by_path(items=200, free=200), lacking: by_path(free=200)}
        own = OWN if lacking == "new" else replace(OWN, expected_status=404)
        parity, _ = check({arm: services[arm] for arm in (BASELINE, "new")}, own, free)
        assert [each.case for each in parity.differences] == ["GET /items"]
        assert any(f"/items was not varied: {lacking} has no such route" in each for each in parity.warnings)


def test_what_does_not_fit_in_the_budget_is_counted() -> None:
    limits = Limits(deadline_s=time.monotonic(), budget="1s")
    parity, clients = check(by_path(items=200), limits=limits)
    assert {each.target for each in clients[BASELINE].received} == {"/items"}
    assert {each.reason for each in parity.coverage.not_compared} == {"not sent within 1s"}
    assert (parity.verdict, parity.coverage.in_full) == ("alike", 1)


@pytest.mark.parametrize(
    ("written", "read", "is_warned"),
    [
        ("/items", "/items?page=2", False),
        ("/items/new", "/items", False),
        ("/items", "/items/7", False),
        ("/items", "/itemset", True),
        ("/orders", "/", True),
    ],
)
def test_a_write_that_no_request_reads_back_is_a_warning(written: str, read: str, is_warned: bool) -> None:  # noqa: FBT001
    writing = RequestSpec(name="", method="POST", target=written)
    parity, _ = check(
        lambda _: response(), writing, RequestSpec(name="", target=read), limits=Limits(is_quick=True)
    )
    assert [f"POST {written}" in each for each in parity.warnings] == [True] * is_warned


@pytest.mark.parametrize("is_quick", [False, True])
def test_cases_are_counted_as_they_are_sent_and_errors_on_both_sides_by_status(*, is_quick: bool) -> None:
    totals: list[int] = []
    advanced: list[None] = []
    limits = Limits(is_quick=is_quick, count=totals.append, advance=lambda: advanced.append(None))
    parity, clients = check(by_path(items=200), OWN, OTHER, limits=limits)
    assert set(totals) == {2, parity.cases}
    assert len(advanced) == parity.cases
    assert parity.verdict == "alike"
    assert set(parity.coverage.errors) == (set() if is_quick else {"404"})
    assert sum(parity.coverage.errors.values()) < parity.coverage.in_full
    assert ({each.target for each in clients[BASELINE].received} == {"/items", "/items/7"}) == is_quick
