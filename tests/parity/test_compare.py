from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcompare.parity import Answer
from portcompare.parity.compare import compare_answers
from portcompare.records.requests import RequestSpec

GET = RequestSpec(name="GET /data", target="/data")
HEAD = RequestSpec(name="HEAD /data", method="HEAD", target="/data")
OLD, NEW = "127.0.0.1:8000", "127.0.0.1:43210"


def old(*headers: tuple[str, str], status: int = 200, body: bytes = b"") -> Answer:
    return Answer(server=OLD, status=status, headers=headers, body=body)


def new(*headers: tuple[str, str], status: int = 200, body: bytes = b"") -> Answer:
    return Answer(server=NEW, status=status, headers=headers, body=body)


def found(baseline: Answer, candidate: Answer, case: RequestSpec = GET) -> list[tuple[str, str, str, str]]:
    return [
        (each.kind, each.pointer, each.baseline, each.candidate)
        for each in compare_answers(case, baseline, candidate)
    ]


def ranks(baseline: Answer, candidate: Answer, case: RequestSpec = GET) -> list[str]:
    return [each.severity for each in compare_answers(case, baseline, candidate)]


def test_another_status_breaks_clients() -> None:
    assert ranks(old(status=200), new(status=404)) == ["breaks"]


def test_where_the_status_differs_the_rest_follows_from_it() -> None:
    assert found(old(status=200, body=b"a"), new(("etag", "x"), status=404, body=b"b")) == [
        ("status", "", "200", "404")
    ]


def test_no_answer_is_a_difference() -> None:
    silent = Answer(server=NEW, error="ReadTimeout")

    assert found(old(), silent) == [("status", "", "200", "no answer: ReadTimeout")]


def test_two_servers_that_both_do_not_answer_are_not_alike() -> None:
    silent = Answer(server=OLD, error="ConnectError")

    assert found(silent, silent) == [("status", "", "no answer: ConnectError", "no answer: ConnectError")]


@pytest.mark.parametrize(
    "name",
    [
        "Content-Type",
        "Location",
        "Cache-Control",
        "ETag",
        "Content-Encoding",
        "WWW-Authenticate",
        "Access-Control-Allow-Origin",
        "Access-Control-Max-Age",
        "Allow",
        "Vary",
        "Content-Disposition",
        "Retry-After",
        "X-Anything",
    ],
)
def test_headers_that_matter_are_compared(name: str) -> None:
    key = name.lower()

    assert found(old((key, "a")), new((key, "b"))) == [("header", name, "a", "b")]
    assert found(old((key, "a")), new()) == [("header", name, "a", "(absent)")]
    assert found(old(), new((key, "a"))) == [("header", name, "(absent)", "a")]
    assert found(old(), new((key, ""))) == [("header", name, "(absent)", "")]


@pytest.mark.parametrize(
    "name",
    [
        "date",
        "server",
        "via",
        "server-timing",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "content-length",
    ],
)
def test_what_the_server_program_decides_is_not_compared(name: str) -> None:
    assert found(old((name, "a")), new((name, "b"))) == []
    assert found(old((name, "a")), new()) == []


@pytest.mark.parametrize("name", ["allow", "vary"])
def test_order_and_case_of_sets_do_not_count(name: str) -> None:
    assert found(old((name, "GET, HEAD,OPTIONS")), new((name, "options, get , ,head,"))) == []


def test_a_set_in_several_lines_is_the_set_of_all() -> None:
    split = Answer(server=NEW, status=200, headers=(("vary", "Cookie"), ("vary", "Accept")))

    assert found(old(("vary", "Accept, Cookie")), split) == []


def test_a_missing_member_of_a_set_is_shown_with_the_set_as_it_came() -> None:
    assert found(old(("allow", "HEAD, GET")), new(("allow", "GET"))) == [
        ("header", "Allow", "HEAD, GET", "GET")
    ]


def test_the_order_of_headers_and_of_cookies_does_not_count() -> None:
    first = (("etag", "x"), ("set-cookie", "a=1"), ("set-cookie", "b=2"))
    moved = (("set-cookie", "a=1"), ("set-cookie", "b=2"), ("etag", "x"))
    swapped = (("etag", "x"), ("set-cookie", "b=2"), ("set-cookie", "a=1"))
    baseline = Answer(server=OLD, status=200, headers=first)

    assert found(baseline, Answer(server=NEW, status=200, headers=moved)) == []
    assert found(baseline, Answer(server=NEW, status=200, headers=swapped)) == []


def test_one_cookie_is_not_two() -> None:
    two = Answer(server=NEW, status=200, headers=(("set-cookie", "a=1"), ("set-cookie", "b=2")))

    assert found(old(("set-cookie", "a=1, b=2")), two) == [
        ("header", "Set-Cookie: a", "1, b=2", "1"),
        ("header", "Set-Cookie: b", "(absent)", "b=2"),
    ]


def test_bodies_are_compared_as_bytes() -> None:
    assert found(old(body=b"a\n"), new(body=b"a")) == [("body", "", r"a\n", "a")]
    assert found(old(body=b"\xff"), new(body=b"\xfe")) == [("body", "", r"\xff", r"\xfe")]


def test_of_long_values_the_place_of_the_difference_is_shown() -> None:
    [(_, _, baseline, candidate)] = found(old(body=b"x" * 5000 + b"1"), new(body=b"x" * 5000 + b"2"))

    assert baseline == "..." + "x" * 24 + "1"
    assert candidate == "..." + "x" * 24 + "2"


def test_the_length_of_a_head_answer_counts_if_both_tell_it() -> None:
    differing = [("header", "Content-Length", "5", "6")]

    assert found(old(("content-length", "5")), new(("content-length", "6")), HEAD) == differing
    assert found(old(("content-length", "5")), new(("content-length", "5")), HEAD) == []
    assert found(old(("content-length", "5")), new(), HEAD) == []
    assert found(old(), new(("content-length", "5")), HEAD) == []


@pytest.mark.parametrize(
    "text",
    ["http://{}/next", "{}", '{{"self":"http:\\/\\/{}"}}', "/login?next=http%3A%2F%2F{}%2Fdata", "{},{}"],
)
def test_a_servers_own_address_does_not_count(text: str) -> None:
    ours, theirs = text.format(OLD, OLD), text.format(NEW, NEW)

    assert (
        found(old(("location", ours), body=ours.encode()), new(("location", theirs), body=theirs.encode()))
        == []
    )


def test_a_percent_encoded_address_does_not_count_either() -> None:
    ours, theirs = (
        "/login?next=http%3A%2F%2F127.0.0.1%3A8000%2F",
        "/login?next=http%3A%2F%2F127.0.0.1%3a43210%2F",
    )

    assert found(old(("location", ours)), new(("location", theirs))) == []


def test_another_servers_address_counts() -> None:
    ours, theirs = f"http://{OLD}/", f"http://{OLD}/"

    assert found(old(("location", ours)), new(("location", theirs))) == [
        ("header", "Location", "http://{server}/", theirs)
    ]


def test_an_address_that_only_begins_like_the_own_one_counts() -> None:
    assert found(old(body=b"127.0.0.1:80001"), new(body=b"127.0.0.1:432101")) != []
    assert found(old(body=b"4127.0.0.1:8000"), new(body=b"4127.0.0.1:43210")) != []


ANSWERS = st.builds(
    Answer,
    server=st.sampled_from([OLD, NEW]),
    status=st.sampled_from([200, 404, 405]),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["allow", "vary", "etag", "location", "set-cookie", "access-control-max-age"]),
            st.sampled_from(["", "a", "b", "a, b", "b,A", f"http://{OLD}/"]),
        ),
        max_size=4,
    ).map(tuple),
    body=st.sampled_from([b"", b"a", b"b", OLD.encode(), NEW.encode()]),
)


@given(ANSWERS)
def test_an_answer_is_like_itself(answer: Answer) -> None:
    assert compare_answers(GET, answer, answer) == []


@given(ANSWERS, ANSWERS)
def test_it_does_not_matter_who_is_compared_with_whom(one: Answer, other: Answer) -> None:
    swapped = [(kind, pointer, theirs, ours) for kind, pointer, ours, theirs in found(other, one)]

    assert sorted(found(one, other)) == sorted(swapped)
