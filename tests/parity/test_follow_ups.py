"""What follows from a response is sent to each server with that server's own values."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from portcompare.http.requests import http_request
from portcompare.parity.checker import CaseResult
from portcompare.parity.follow_ups import derive_follow_ups
from portcompare.parity.survey import Limits, Survey, survey
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL
from tests.parity.site import Received, Reply, checking_sites

Service = Callable[[Received], Reply]


def header_of(received: Received, name: str) -> str:
    return ", ".join(value for given, value in received.headers if given.lower() == name.lower())


def document(etag: str = '"v1"', modified: str = "") -> Service:
    """Responds to conditional requests as it should, with headers of its own."""
    headers = tuple(pair for pair in (("ETag", etag), ("Last-Modified", modified)) if pair[1])

    def respond(received: Received) -> Reply:
        is_known = etag in header_of(received, "If-None-Match") if etag else False
        is_known |= bool(modified) and header_of(received, "If-Modified-Since") == modified
        return Reply(status=304, headers=headers, body=b"") if is_known else Reply(headers=headers)

    return respond


def ignoring(service: Service, name: str) -> Service:
    """The same service, which does not look at a header."""

    def respond(received: Received) -> Reply:
        left = tuple(pair for pair in received.headers if pair[0].lower() != name.lower())
        return service(replace(received, headers=left))

    return respond


def surveying(*services: Service, requests: Sequence[RequestSpec], vary: Sequence[str] = ("*",)) -> Survey:
    with checking_sites(*services) as (checker, _):
        return survey(checker, requests, (), vary, Limits())


def following(*services: Service, requests: Sequence[RequestSpec]) -> dict[str, CaseResult]:
    """The results of the cases that follow from requests, by their names."""
    with checking_sites(*services) as (checker, _):
        own = checker.check_all(requests)
        return {each.case.name: each for each in checker.check_all(derive_follow_ups(own, ["*"]))}


def varied_of(found: Survey) -> dict[str, CaseResult]:
    return {each.case.name: each for each in found.varied}


def differing(results: dict[str, CaseResult]) -> set[str]:
    return {name for name, each in results.items() if each.differences}


DOC = http_request("/doc")
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("service", "ignored", "what"),
    [
        (document('"v7"'), "If-None-Match", "If-None-Match with its own ETag"),
        (document('W/"v7"'), "If-None-Match", "If-None-Match with its own ETag"),
        (document("", DATE), "If-Modified-Since", "If-Modified-Since with its own Last-Modified"),
    ],
)
def test_a_port_that_does_not_know_its_own_validator_differs(
    service: Service, ignored: str, what: str
) -> None:
    found = following(service, ignoring(service, ignored), requests=[DOC])
    assert f"GET /doc [{what}]" in differing(found)
    result = found[f"GET /doc [{what}]"]
    assert result.statuses == {BASELINE: (304, 304), "new": (200, 200)}
    assert differing(following(service, service, requests=[DOC])) == set()


def test_each_server_is_sent_its_own_etag() -> None:
    received: defaultdict[str, list[str]] = defaultdict(list)

    def noting(arm: str) -> Service:
        service = document(f'"of {arm}"')

        def respond(request: Received) -> Reply:
            received[arm].append(header_of(request, "If-None-Match"))
            return service(request)

        return respond

    found = following(noting("one"), noting("other"), requests=[DOC])
    assert {each.statuses["new"][0] for each in found.values() if "If-None" in each.case.name} == {304}
    assert '"of one"' in received["one"]
    assert '"of other"' in received["other"]
    assert not [value for value in received["other"] if "one" in value]


def test_a_change_is_sent_with_the_etag_of_the_document_if_the_plan_has_such_a_change() -> None:
    def guarded(received: Received) -> Reply:
        if received.method == "PUT" and header_of(received, "If-Match") not in ("", '"v1"'):
            return Reply(status=412)
        return Reply(headers=(("ETag", '"v1"'),))

    put = http_request("/doc", method="PUT", body="new")
    found = following(guarded, lambda _: Reply(headers=(("ETag", '"v2"'),)), requests=[DOC, put])
    name = "PUT /doc [If-Match with the ETag of GET]"
    assert found[name].case.body == b"new"
    assert found[name].statuses[BASELINE] == (200, 200)
    assert not [each for each in following(guarded, guarded, requests=[DOC]) if each.startswith("PUT")]


def test_parts_are_requested_of_what_looks_like_a_file_and_of_nothing_else() -> None:
    def ranges(*headers: tuple[str, str]) -> set[str]:
        found = following(lambda _: Reply(headers=headers), requests=[DOC])
        return {name for name in found if "[header Range: " in name}

    assert len(ranges(("Accept-Ranges", "bytes"))) == 3
    assert ranges(("Content-Disposition", "attachment; filename=a.csv")) == ranges(("ETag", '"a"'))
    assert ranges() == ranges(("Accept-Ranges", "none")) == set()


def test_cookies_are_sent_back_and_a_redirect_is_followed_once_with_them() -> None:
    def shop(greeting: str) -> Service:
        def respond(received: Received) -> Reply:
            if received.target == "/in":
                location = f"http://{header_of(received, 'Host')}/me?tab=1#top"
                return Reply(status=303, headers=(("Location", location), ("Set-Cookie", "sid=7; Path=/")))
            is_known = header_of(received, "Cookie") == "sid=7"
            return Reply(body=greeting.encode() if is_known else b"who?", headers=(("Set-Cookie", "sid=7"),))

        return respond

    requests = [http_request("/in", method="POST", body="x"), http_request("/me")]
    found = following(shop("hello"), shop("hallo"), requests=requests)
    names = {"GET /me?tab=1 [after POST /in]", "GET /me [its own cookies sent back]"}
    assert differing(found) == set(found) == names
    assert differing(following(shop("hello"), shop("hello"), requests=requests)) == set()


@pytest.mark.parametrize(
    ("location", "followed"),
    [
        ("/b", ["GET /b [after GET /a/x]"]),
        ("b?c=%20", ["GET /a/b?c=%20 [after GET /a/x]"]),
        ("https://elsewhere.invalid/b", []),
        ("/ä b", []),
        ("http://[", []),
        ("/a/x", []),
    ],
)
def test_a_redirect_is_followed_on_the_server_itself(location: str, followed: list[str]) -> None:
    def respond(received: Received) -> Reply:
        is_first = received.target == "/a/x"
        return Reply(status=302, headers=(("Location", location),)) if is_first else Reply()

    assert [*following(respond, respond, requests=[http_request("/a/x")])] == followed


def test_where_a_server_does_not_give_what_follows_only_that_is_a_difference() -> None:
    found = surveying(document(), document(), document(""), requests=[DOC])
    assert not [each.case.name for each in found.varied if each.case.follows]
    places = {(each.pointer, each.deployment) for result in found.own for each in result.differences}
    assert places == {("ETag", "new")}


def test_an_etag_that_changes_between_two_requests_is_asked_for_again() -> None:
    def ticking() -> Service:
        # The ETag that the first conditional request is sent is no longer the current one.
        versions = iter(["1", "1", "1", "2"])

        def respond(received: Received) -> Reply:
            etag = f'"v{next(versions, "3")}"'
            is_known = header_of(received, "If-None-Match") == etag
            return Reply(status=304 if is_known else 200, headers=(("ETag", etag),), body=b"")

        return respond

    found = surveying(ticking(), document(), document(), requests=[DOC])
    case = next(each for each in found.varied if each.case.follows)
    assert case.statuses == dict.fromkeys((BASELINE, CONTROL, "new"), (304, 304))


def test_only_routes_that_the_plan_varies_and_that_work_are_followed() -> None:
    requests = [DOC, http_request("/other", expect_status=404)]

    def respond(received: Received) -> Reply:
        return document()(received) if received.target.startswith("/doc") else Reply(status=404)

    assert not surveying(respond, requests=requests, vary=[]).varied[1:]
    followed = {
        each.case.target for each in surveying(respond, requests=requests).varied if each.case.follows
    }
    assert followed == {"/doc"}


PROXIED = [f"X-Forwarded-{name}" for name in ("For", "Proto", "Host")] + ["Forwarded"]


def test_a_proxys_headers_that_change_nothing_are_hinted_at_once() -> None:
    found = surveying(document(), document(), requests=[DOC, http_request("/other")])
    [hint] = [each for each in found.warnings if "no app trusts a proxy" in each]
    assert all(name in hint for name in PROXIED)


@pytest.mark.parametrize("name", PROXIED)
def test_a_port_that_trusts_a_proxy_where_the_baseline_does_not_differs(name: str) -> None:
    def trusting(received: Received) -> Reply:
        return Reply(body=b"proxied" if header_of(received, name) else b"hello")

    found = surveying(lambda _: Reply(), lambda _: Reply(), trusting, requests=[DOC])
    assert [case for case in differing(varied_of(found)) if f"header {name}: " in case]
    assert not [each for each in found.warnings if "no app trusts a proxy" in each]


def test_a_port_that_reads_the_other_one_of_repeated_headers_differs() -> None:
    def reading(place: int) -> Service:
        def respond(received: Received) -> Reply:
            values = [value for name, value in received.headers if name in ("X-Route", "Cookie")]
            return Reply(body=values[place].encode() if values else b"none")

        return respond

    request = http_request("/doc", headers={"X-Route": "a"})
    routed, bare = (
        differing(varied_of(surveying(reading(0), reading(0), reading(-1), requests=[one])))
        for one in (request, DOC)
    )
    assert routed >= {f"GET /doc [header X-Route {how}]" for how in ("repeated", "after another value")}
    assert bare == {"GET /doc [header Cookie: portcompare=1, then portcompare=2]"}
