"""Answers that are not the same bytes each time: some are checked, among them the first of a connection."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from portcompare.records.requests import Expectation
from tests.loadgen.scripted import OK, answer_of, answering, serve

if TYPE_CHECKING:
    from tests.loadgen.generator import Generator
    from tests.loadgen.scripted import Peer, Play

WRONG = "wrong body (the request)"
SPARSE = 64


def expect(body: bytes, *masked: str, own_address: bool = False) -> Expectation:
    encoded = base64.b64encode(body).decode()
    return Expectation(status=200, body_base64=encoded, masked=masked, own_address=own_address)


def counting(name: str = "a", first: str = "a") -> Play:
    """A script: each answer has an id of its own, and a name, the first on a connection another perhaps."""

    def play(peer: Peer) -> None:
        number = 0
        while peer.take_request():
            said = f'{{"id": {number}, "name": "{name if number else first}"}}'
            peer.sock.sendall(answer_of("200 OK", said.encode()))
            number += 1

    return play


MASKED = expect(b'{"id": 0, "name": "a"}', "/id")


def test_what_is_masked_may_differ(generator: Generator) -> None:
    with serve(counting()) as server:
        done = generator.run(server.url, window_s=0.8, expect=MASKED)
    assert done.load.error_kinds == {}
    assert done.load.requests > SPARSE


def test_what_is_not_masked_may_not_and_a_sample_shows_it(generator: Generator) -> None:
    with serve(counting(name="b")) as server:
        done = generator.run(server.url, window_s=1.0, expect=MASKED)
    assert set(done.load.error_kinds) == {WRONG}
    assert done.load.requests > 2 * SPARSE
    answers = done.load.requests + done.load.error_kinds[WRONG]
    assert abs(done.load.error_kinds[WRONG] - answers / SPARSE) <= 1
    assert answers / 100 - 1 < done.load.error_kinds[WRONG]


def test_the_first_answer_of_each_connection_is_checked_though_it_comes_in_the_warm_up(
    generator: Generator,
) -> None:
    with serve(counting(first="b")) as server:
        done = generator.run(server.url, users=3, expect=MASKED)
    assert done.load.error_kinds == {WRONG: 3}
    assert done.load.requests > 0


def test_the_first_answer_of_a_connection_made_anew_is_checked(generator: Generator) -> None:
    said = b'{"id": 0, "name": "b"}'
    with serve(answering(answer_of("200 OK", said, "Connection: close"))) as server:
        done = generator.run(server.url, expect=MASKED)
    assert done.load.requests == 0
    assert done.load.error_kinds[WRONG] > 3


def test_a_wrong_body_in_the_warm_up_is_told_where_each_answer_is_checked_too(generator: Generator) -> None:
    def play(peer: Peer) -> None:
        peer.take_request()
        peer.sock.sendall(answer_of("200 OK", b"no"))
        answering(OK)(peer)

    with serve(play) as server:
        done = generator.run(server.url, users=2, expect=expect(b"ok"))
    assert done.load.error_kinds == {WRONG: 2}
    assert done.load.requests > 0


def test_the_servers_own_address_in_a_body_is_no_difference(generator: Generator) -> None:
    def play(peer: Peer) -> None:
        while peer.take_request():
            peer.sock.sendall(answer_of("200 OK", f"at {server.url}/x".encode()))

    with serve(play) as server:
        done = generator.run(server.url, expect=expect(b"at http://{server}/x", own_address=True))
        assert done.load.error_kinds == {}
        assert done.load.requests > 0
        done = generator.run(server.url, expect=expect(b"at http://{server}/y", own_address=True))
    assert set(done.load.error_kinds) == {WRONG}
