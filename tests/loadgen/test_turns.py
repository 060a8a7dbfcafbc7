from threading import Event

import pytest

from portcompare.wire.protocol import (
    EndTurns,
    JoinTurns,
    Load,
    RateLoad,
    RoundDone,
    TakeTurn,
    TurnTaken,
    UserLoad,
)
from tests.loadgen.generator import GET, Generator, expect, round_of
from tests.loadgen.scripted import OK, Peer, responding, response_of, serve

DELAY_S = 0.005
TIMEOUT_S = 20.0


class Arms:
    """Arms that take turns, under one generator."""

    def __init__(self, generator: Generator, load: Load, expected: bytes | None = None, **urls: str) -> None:
        self.harness = generator.harness
        generator.prepare(scenario=GET)
        expectations = {} if expected is None else {0: expect(expected)}
        rounds = {
            arm: round_of(url, load=load, timeout_s=TIMEOUT_S, warmup_max_s=1.0, expectations=expectations)
            for arm, url in urls.items()
        }
        self.failures = self.harness.join_turns(JoinTurns(rounds=rounds)).failures

    def take(self, arm: str, cycle: int = 0, turn_s: float = 0.2) -> TurnTaken:
        return self.harness.take_turn(TakeTurn(arm=arm, cycle=cycle, turn_s=turn_s), TIMEOUT_S)

    def end(self, **counting: tuple[int, ...]) -> dict[str, RoundDone]:
        return self.harness.end_turns(EndTurns(counting=counting)).rounds


@pytest.mark.parametrize(
    "load",
    [UserLoad(users=4), RateLoad(rate_rps=200.0, arrivals="even", connections=4, seed="1")],
    ids=["closed", "open"],
)
def test_one_arm_sends_at_a_time_over_connections_that_stay_open(generator: Generator, load: Load) -> None:
    with serve(responding(OK, delay_s=DELAY_S)) as old, serve(responding(OK, delay_s=DELAY_S)) as new:
        arms = Arms(generator, load, old=old.url, new=new.url)
        sent: dict[str, list[int]] = {"old": [], "new": []}
        for cycle in range(3):
            for arm in ("old", "new"):
                before = len(old.requests), len(new.requests)
                taken = arms.take(arm, cycle)
                after = len(old.requests), len(new.requests)
                own, other = (0, 1) if arm == "old" else (1, 0)
                assert after[other] == before[other]
                assert taken.turn.requests == after[own] - before[own] > 0
                assert (taken.turn.errors, taken.reconnects, taken.failure) == (0, 0, None)
                assert taken.turn.p50_s is not None
                assert taken.turn.p50_s >= DELAY_S
                assert taken.turn.duration_s >= 0.2
                sent[arm].append(taken.turn.requests)
        done = arms.end(old=(0, 2), new=(0, 1, 2))
    most = 4  # of the open model's, those that are needed
    assert max(old.connections, new.connections) <= most
    assert isinstance(load, RateLoad) or min(old.connections, new.connections) == most
    assert done["old"].load.requests == sent["old"][0] + sent["old"][2]
    assert done["new"].load.requests == sum(sent["new"])
    assert done["new"].load.window_s >= 0.6
    if isinstance(load, RateLoad):
        assert done["new"].load.offered_rps == pytest.approx(sum(sent["new"]) / 0.6)
    else:
        assert done["new"].load.rate_rps == pytest.approx(sum(sent["new"]) / done["new"].load.window_s)


def test_a_server_that_stops_responding_ends_its_own_turns_only(generator: Generator) -> None:
    frozen = Event()

    def play(peer: Peer) -> None:
        while peer.take_request() and not frozen.is_set():
            peer.sock.sendall(OK)
        peer.wait()

    with serve(responding(OK)) as well, serve(play) as bad:
        arms = Arms(generator, UserLoad(users=2), well=well.url, bad=bad.url)
        assert arms.take("bad").failure is None
        frozen.set()
        taken = arms.take("bad", 1)
        assert taken.failure is not None
        assert "a user still had no response" in taken.failure
        assert arms.take("well", 1).failure is None
        done = arms.end(well=(1,), bad=(0, 1))
    bad_load, well_load = done["bad"].load, done["well"].load
    assert (bad_load.failure, bad_load.censored + bad_load.errors) == (taken.failure, 2)
    assert bad_load.wait_max_s is not None
    assert bad_load.wait_max_s >= 2.0
    assert (well_load.censored, well_load.errors, well_load.requests > 0) == (0, 0, True)


def test_an_arm_whose_users_get_no_response_says_why_it_does_not_join(generator: Generator) -> None:
    with serve(responding(OK)) as well, serve(Peer.wait) as silent:
        arms = Arms(generator, UserLoad(users=2), well=well.url, silent=silent.url)
        assert arms.failures == {"silent": "2 of 2 users had no response within 1 s"}
        assert arms.take("well").turn.requests > 0
        assert arms.end(well=(0,))["silent"].load.failure == arms.failures["silent"]


@pytest.mark.parametrize("first", [[], [OK], [OK, OK]], ids=["joining", "warm-up", "discarded"])
def test_wrong_bodies_count_wherever_they_came(generator: Generator, first: list[bytes]) -> None:
    def play(peer: Peer) -> None:
        for response in (*first, response_of("200 OK", b"ko")):
            if peer.take_request():
                peer.sock.sendall(response)
        responding(OK)(peer)

    with serve(play) as server:
        arms = Arms(generator, UserLoad(users=2), expected=b"ok", only=server.url)
        for cycle in (-1, 0):
            arms.take("only", cycle, turn_s=0.0)
        counted = arms.take("only", 1).turn
        done = arms.end(only=(1,))["only"].load
    assert (counted.requests, counted.errors) == (done.requests, 0)
    assert done.error_kinds == {"wrong body (the request)": 2}
    assert list(done.wrong_examples.values()) == ["/ received ko instead of ok"]


def test_a_server_that_closes_each_connection_is_seen(generator: Generator) -> None:
    closing = response_of("200 OK", b"ok", "Connection: close")
    with serve(responding(closing)) as server:
        arms = Arms(generator, UserLoad(users=2), only=server.url)
        taken = arms.take("only")
    assert taken.turn.requests > 2
    assert taken.reconnects >= taken.turn.requests - 2
    assert taken.closed_unannounced == 0


def test_connections_that_a_server_closes_between_turns_are_counted(generator: Generator) -> None:
    peers: list[Peer] = []

    def play(peer: Peer) -> None:
        peers.append(peer)
        responding(OK)(peer)

    with serve(play) as server:
        arms = Arms(generator, UserLoad(users=2), only=server.url)
        assert arms.take("only").closed_unannounced == 0
        for peer in peers:
            peer.end()
        taken = arms.take("only", 1)
    assert (taken.reconnects, taken.closed_unannounced, taken.turn.errors) == (2, 2, 0)
