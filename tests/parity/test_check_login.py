from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.parity import Asker, sum_up
from portcompare.records.requests import Expectation, LoginStep, RequestSpec
from tests.parity.checking import checking, document, told
from tests.parity.site import Asked, Reply, always, serving_all

if TYPE_CHECKING:
    from tests.parity.checking import Answering

LOGIN = (
    LoginStep(
        request=RequestSpec(name="in", method="POST", target="/login", body=b"me"),
        keep=(("token", "json:/token"),),
    ),
)
FAILED = Expectation(status=0, body_base64=None)
BEHIND_LOGIN = tuple(
    RequestSpec(name=f"GET /{name}", target=f"/{name}", headers=(("Authorization", "{token}"),), login=LOGIN)
    for name in "ab"
)


def guarded(token: str) -> Answering:
    """Answer those that send the token, which only this server knows."""

    def answer(asked: Asked) -> Reply:
        if asked.target == "/login":
            return document({"token": token})
        return Reply(status=200 if dict(asked.headers).get("Authorization") == token else 401)

    return answer


def test_each_server_is_logged_in_to_once_with_its_own_token() -> None:
    with serving_all(guarded("x"), guarded("y")) as (old, new), Asker(old.url, {"new": new.url}) as asker:
        outcome = sum_up(asker, [asker.examine(case) for case in BEHIND_LOGIN])

    assert outcome.parity.equal
    for case in BEHIND_LOGIN:
        assert (outcome.expectation(case) or FAILED).status == 200
    for site in (old, new):
        assert [asked.target for asked in site.asked] == ["/login", "/a", "/a", "/b", "/b"]


def test_a_login_that_fails_is_told_as_the_reason_for_no_answer() -> None:
    outcome = checking(guarded("x"), always(Reply(status=403)), cases=BEHIND_LOGIN[:1])

    assert told(outcome) == [
        ("new-0", "status", "", "200", "no answer: login step 1, POST /login: status 403")
    ]
    assert outcome.parity.warnings == ()


def test_a_login_that_fails_at_the_baseline_is_a_mistake_in_the_plan_and_told() -> None:
    outcome = checking(always(Reply(status=403)), always(Reply(status=403)), cases=BEHIND_LOGIN)

    [warning] = outcome.parity.warnings
    assert "login step 1, POST /login: status 403; correct the scenario's login" in warning


def test_a_command_line_does_not_tell_what_the_login_has_left() -> None:
    def otherwise(asked: Asked) -> Reply:
        return document({"token": "y"}) if asked.target == "/login" else Reply(status=500)

    [difference] = checking(guarded("x"), otherwise, cases=BEHIND_LOGIN[:1]).parity.differences

    assert '-H "Authorization: $AUTHORIZATION"' in difference.curl_baseline
    assert '-H "Authorization: $AUTHORIZATION"' in difference.curl_candidate
