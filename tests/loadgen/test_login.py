"""Users that log in first, on a server that wants them to."""

import json
import threading
from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from portcompare.http.requests import http_request
from portcompare.records.requests import LoginStep
from portcompare.wire.protocol import RateLoad, ScenarioSource
from tests.loadgen.generator import Generator, expect
from tests.loadgen.scripted import Peer, ScriptedServer, response_of, serve

OPEN = RateLoad(rate_rps=200.0, arrivals="even", connections=4, seed="1")
ME = http_request("/me/{account}?csrf={csrf}", headers={"Authorization": "Bearer {token}"})


class Members:
    """A site that greets by name whoever sends token, cookie and what the second step has kept."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals  # So many logins are refused first
        self.logins: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, peer: Peer) -> None:
        while request := peer.take_request():
            peer.sock.sendall(self.respond(request))

    def respond(self, request: bytes) -> bytes:
        target = request.split(b" ")[1]
        if target == b"/login":
            return self._log_in(json.loads(request.partition(b"\r\n\r\n")[2])["name"])
        if target == b"/enter" and b"\r\nX-Token: token of " in request:
            return response_of("302 Found", b"", "Location: /", "X-Csrf: 4 2")
        name = target.removeprefix(b"/me/").partition(b"?")[0]
        parts = (b"?csrf=4%202 ", b"\r\nAuthorization: Bearer token of " + name, b"\r\nCookie: sid=s-" + name)
        is_member = all(one in request for one in parts)
        return response_of("200 OK", b"hello " + name) if is_member else response_of("401 No", b"")

    def _log_in(self, name: str) -> bytes:
        with self._lock:
            self.refusals -= 1
            if self.refusals >= 0:
                return response_of("403 No", b"")
            self.logins[name] += 1
        body = json.dumps({"access": {"token": f"token of {name}"}, "account": name}).encode()
        return response_of("201 Created", body, f"Set-Cookie: sid=s-{name}; Path=/; HttpOnly")


def login_of(*names: str) -> tuple[tuple[LoginStep, ...], ...]:
    keep = (("token", "json:/access/token"), ("account", "json:/account"))
    login = tuple(
        LoginStep(request=http_request("/login", method="POST", json={"name": name}), keep=keep)
        for name in names
    )
    enter = http_request("/enter", headers={"X-Token": "{token}"})
    return login, (LoginStep(request=enter, keep=(("csrf", "header:X-Csrf"),)),)


def prepare(generator: Generator, *names: str) -> None:
    source = ScenarioSource(requests=((ME, 1.0),), login=login_of(*names))
    prepared = generator.prepare(scenario=source)
    assert prepared.problems == {}
    assert prepared.requests == {
        "scenario": (replace(ME, login=tuple(variants[0] for variants in source.login)),)
    }


def names_by_connection(server: ScriptedServer) -> dict[int, set[bytes]]:
    found = defaultdict(set)
    for number, request in server.requests:
        if request.startswith(b"GET /me/"):
            found[number].add(request.split(b" ")[1].partition(b"?")[0].removeprefix(b"/me/"))
    return dict(found)


@pytest.mark.parametrize("load", [None, OPEN], ids=["closed", "open"])
def test_each_user_logs_in_once_as_its_own_row_and_sends_what_it_kept(
    generator: Generator, load: RateLoad | None
) -> None:
    prepare(generator, "ann", "bob", "cy")
    members = Members()
    with serve(members) as server:
        done = generator.run_round(server.url, users=4, load=load, until=server.more(200))
    assert (done.failure, done.error_kinds, done.dropped) == (None, {}, 0)
    assert done.requests > 0
    assert members.logins == {"ann": 2, "bob": 1, "cy": 1}  # the fourth user begins again
    if load is None:  # else requests go to the connection that was busy last
        names = names_by_connection(server)
        assert sorted(names.values(), key=min) == [{b"ann"}, {b"ann"}, {b"bob"}, {b"cy"}]


def test_the_window_opens_when_all_have_logged_in_and_a_failed_login_is_tried_again(
    generator: Generator,
) -> None:
    prepare(generator, "ann")
    members = Members(refusals=1)
    with serve(members) as server:
        done = generator.run_round(
            server.url,
            warmup_s=0.0,
            on_window=lambda _: members.logins["ann"] == 1 or pytest.fail("it opened early"),
        )
    assert (done.failure, done.error_kinds) == (None, {})
    assert done.warmup_s >= 0.4  # a pause lies between
    assert done.requests > 0


@pytest.mark.parametrize("load", [None, OPEN], ids=["closed", "open"])
def test_the_round_is_discarded_with_the_reason_if_users_cannot_log_in(
    generator: Generator, load: RateLoad | None
) -> None:
    prepare(generator, "ann")
    with serve(Members(refusals=1000)) as server:
        done = generator.run_round(server.url, users=4, load=load, warmup_max_s=0.3, window_s=0.6)
    assert done.failure == "4 of 4 users had no response within 0.3 s: login: status 403 (POST /login)"
    assert done.error_kinds["login: status 403 (POST /login)"] > 0
    assert done.requests == 0
    assert not names_by_connection(server)


def test_responses_are_compared_with_those_to_the_login_that_parity_used(generator: Generator) -> None:
    prepare(generator, "ann", "bob")
    with serve(Members()) as server:
        done = generator.run_round(server.url, users=2, expectations={0: expect(b"hello ann")})
        assert done.error_kinds == {}
        done = generator.run_round(server.url, users=2, expectations={0: expect(b"hello bob")})
    (kind,) = done.error_kinds
    assert kind == "wrong body (GET /me/{account}?csrf={csrf})"
    assert done.requests > 0  # the second user's: nobody approved of those
