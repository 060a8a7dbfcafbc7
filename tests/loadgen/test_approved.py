"""Answers under load to requests of a user's own class are held against those that parity approved."""

from __future__ import annotations

import base64
import gzip
from itertools import count
from typing import TYPE_CHECKING

import pytest

from portcompare.records.requests import Expectation
from tests.loadgen.generator import Generator
from tests.loadgen.locust_users import CLASSES, FAST, HTTP, write
from tests.loadgen.scripted import OK, answering, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portcompare.wire.protocol import Captured, RoundDone
    from tests.loadgen.scripted import Peer, ScriptedServer

    Run = Callable[..., tuple[Captured, RoundDone]]

BOTH = {"HttpUser": HTTP, "FastHttpUser": FAST}
WRONG = "wrong body (GET /items?tag=a%2Fb&tag=c)"


@pytest.fixture
def run(generator: Generator, tmp_path: Path) -> Run:
    """Capture what a class asks for, and load with it what expects such an answer to each."""

    def run_class(
        text: str, server: ScriptedServer, expected: Expectation, users: int = 1
    ) -> tuple[Captured, RoundDone]:
        generator.prepare(write(tmp_path / "locustfile.py", text), scenario="Asking")
        captured = generator.capture(server.url)
        assert captured.problem is None
        expectations = dict.fromkeys(range(len(captured.requests)), expected)
        return captured, generator.run_round(server.url, users=users, expectations=expectations)

    return run_class


def expect(body: bytes, status: int = 200, masked: tuple[str, ...] = (), *, own: bool = False) -> Expectation:
    return Expectation(
        status=status, body_base64=base64.b64encode(body).decode(), masked=masked, own_address=own
    )


def reply(body: bytes, headers: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("text", BOTH.values(), ids=BOTH)
def test_a_body_that_was_never_approved_is_wrong_and_never_timed_as_a_success(run: Run, text: str) -> None:
    with serve(answering(OK)) as server:
        done = run(text, server, expect(b"ko"))[1]
    assert set(done.load.error_kinds) == {WRONG}
    assert (done.load.requests, done.load.latency_s) == (0, None)


def test_each_answer_is_compared_so_that_one_wrong_one_is_found(run: Run) -> None:
    asked: list[None] = []

    def play(peer: Peer) -> None:
        while peer.take_request():
            asked.append(None)
            peer.sock.sendall(reply(b"ko") if len(asked) == 40 else OK)  # after the dry pass

    with serve(play) as server:
        done = run(FAST, server, expect(b"ok"))[1]
    assert done.load.error_kinds == {WRONG: 1}


def test_a_status_that_was_never_approved_is_a_failure_though_locust_likes_it(run: Run) -> None:
    with serve(answering(OK)) as server:
        done = run(FAST, server, expect(b"ok", status=204))[1]
    assert set(done.load.error_kinds) == {"status 200"}


@pytest.mark.parametrize("text", BOTH.values(), ids=BOTH)
def test_bodies_are_compared_decoded_as_clients_hand_them_over(run: Run, text: str) -> None:
    packed = gzip.compress(b"ok")
    with serve(answering(reply(packed, "Content-Encoding: gzip\r\n"))) as server:
        # The dry pass asks for the plain body; this server packs it all the same.
        assert run(text, server, expect(packed))[1].load.error_kinds == {}
        assert set(run(text, server, expect(gzip.compress(b"ko")))[1].load.error_kinds) == {WRONG}


def test_what_differs_by_itself_is_masked_and_the_server_s_address_is_any(run: Run) -> None:
    def play(peer: Peer) -> None:
        while request := peer.take_request():
            host = request.partition(b"Host: ")[2].partition(b"\r\n")[0]
            peer.sock.sendall(reply(b'{"at": 17, "next": "http://%s/2"}' % host))

    approved = b'{"next": "http://{server}/2", "at": 4}'
    with serve(play) as server:
        assert run(HTTP, server, expect(approved, masked=("/at",), own=True))[1].load.error_kinds == {}
        assert set(run(HTTP, server, expect(approved, own=True))[1].load.error_kinds) == {WRONG}


@pytest.mark.parametrize("text", BOTH.values(), ids=BOTH)
def test_a_redirect_is_judged_by_where_it_leads(run: Run, text: str) -> None:
    def play(peer: Peer) -> None:
        while request := peer.take_request():
            moved = b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"
            peer.sock.sendall(OK if b"GET /there" in request else moved)

    with serve(play) as server:
        captured, done = run(text, server, expect(b"ko"))
    assert [request.target for request in captured.requests][1:] == ["/there"]
    assert set(done.load.error_kinds) == {"wrong body (GET /there)"}


def test_what_parity_cannot_have_approved_is_not_called_wrong(run: Run) -> None:
    text = """
class Asking(HttpUser):
    @task
    def ask(self):
        self.client.get("/", headers={"X-Tenant": str(time.time())})
        self.client.get("/", cookies={"sid": str(time.time())})
        self.client.post("/", data=b"x")
        for _ in self.client.get("/", stream=True).iter_content():
            pass
"""
    with serve(answering(OK)) as server:
        done = run(text, server, expect(b"ko"))[1]
    assert done.load.error_kinds == {}
    assert done.load.requests > 0


def test_what_is_answered_otherwise_each_time_is_compared_by_status_alone(run: Run) -> None:
    numbers = count()

    def play(peer: Peer) -> None:
        while peer.take_request():
            peer.sock.sendall(reply(b"%d" % next(numbers)))

    with serve(play) as server:
        captured, done = run(FAST, server, expect(b"0"))
    assert captured.varying == (0,)
    assert done.load.error_kinds == {}


def test_clients_that_are_not_known_are_counted_and_not_compared(run: Run) -> None:
    with serve(answering(OK)) as server:
        done = run(CLASSES["User"], server, expect(b"ko"))[1]
    assert done.load.error_kinds == {}
    assert done.load.requests > 0


def test_processes_share_the_users_and_know_what_was_approved(tmp_path: Path) -> None:
    leader = Generator(tmp_path / "loadgen.log")
    try:
        list(leader.gather(start=2))
        prepared = leader.prepare(write(tmp_path / "locustfile.py", HTTP), scenario="Asking")
        assert (prepared.to_capture, prepared.problems) == (("scenario",), {})
        with serve(answering(OK, delay_s=0.002)) as server:
            captured = leader.capture(server.url)
            assert [request.target for request in captured.requests] == ["/items?tag=a%2Fb&tag=c"]
            done = leader.run_round(server.url, users=3, expectations={0: expect(b"ok")})
            assert (done.load.error_kinds, done.load.failure) == ({}, None)
            assert done.load.requests > 0
            assert len(done.load.generator_cpu_ratios) == 2
            done = leader.run_round(server.url, users=3, expectations={0: expect(b"ko")})
            assert set(done.load.error_kinds) == {WRONG}
    finally:
        leader.end()
