from array import array
from dataclasses import replace

import numpy as np
import pytest

from portcompare.loadgen.figures import Counts
from portcompare.loadgen.tallies import Pace, Tally
from portcompare.loadgen.turn_figures import TurnCounts, summarize_turn, summarize_turns
from tests.loadgen.generator import counts_of


@pytest.mark.parametrize(
    ("sent_s", "pace", "settled_s"),
    [
        ([0.0, 0.001, 0.1, 0.2, 0.3], None, [3.0, 4.0, 5.0]),  # two users: without the first of each
        ([0.3, 0.2, 0.1, 0.001, 0.0], None, [3.0, 2.0, 1.0]),
        ([0.0, 0.001], None, [1.0, 2.0]),  # a turn with nothing else
        ([0.0, 0.05, 0.2, 0.3, 0.4], Pace(), [3.0, 4.0, 5.0]),
    ],
)
def test_latencies_of_a_turn_begin_when_it_has_settled(
    sent_s: list[float], pace: Pace | None, settled_s: list[float]
) -> None:
    latencies_s = np.arange(1.0, len(sent_s) + 1)
    tally = Tally(latencies_s=array("d", latencies_s), ended_s=array("d", np.array(sent_s) + latencies_s))
    counts = Counts(tallies=(tally,), pace=pace, stall_s=0.0, cpu_s=0.0, taken_at_s=9.0)
    turn = TurnCounts(counts=counts, began_s=0.0, closed_s=1.0, spread_s=0.0, users=2, waiting_s=(8.5,))
    assert list(turn.latencies_s) == [*settled_s, 0.5]  # the last had no response
    assert turn.wait_max_s == len(sent_s)


def taken_of(ended_s: list[float], spread_s: float = 0.0) -> TurnCounts:
    tally = Tally(latencies_s=array("d", [0.2] * len(ended_s)), ended_s=array("d", ended_s))
    counts = Counts(tallies=(tally,), pace=None, stall_s=0.0, cpu_s=0.1, taken_at_s=2.0)
    return TurnCounts(counts=counts, began_s=0.0, closed_s=1.0, spread_s=spread_s, users=2, waiting_s=())


def test_the_rate_of_a_busy_server_is_that_until_the_last_response() -> None:
    turn = summarize_turn(taken_of([0.01 * (number + 1) for number in range(125)]), 3, 5.0)
    assert (turn.cycle, turn.started_at_s, turn.requests) == (3, 5.0, 125)
    assert turn.rate_rps == pytest.approx(100)
    assert turn.duration_s == pytest.approx(1.25)


def test_the_rate_of_users_that_wait_leaves_out_the_beginning_and_the_end() -> None:
    # Two users, begun 0.1 s apart, with a response each 0.2 s: until 1.2 s there are 11.
    turn = summarize_turn(taken_of([0.2 + 0.1 * number for number in range(11)], spread_s=0.2), 0, 0.0)
    assert turn.rate_rps == pytest.approx(10, rel=0.03)


@pytest.mark.parametrize("latency_s", [0.001, 0.05])
def test_the_rate_of_the_open_model_does_not_depend_on_how_long_responses_take(latency_s: float) -> None:
    ended_s = 0.005 + 0.01 * np.arange(100) + latency_s
    taken = taken_of(list(ended_s))
    pace = Pace(due_s=array("d", ended_s[::2] - latency_s))
    taken = replace(taken, counts=replace(taken.counts, pace=pace))
    turn = summarize_turn(taken, 0, 0.0)
    assert (turn.rate_rps, turn.offered_rps, turn.served) == pytest.approx((100, 50, 2))
    assert turn.duration_s == pytest.approx(max(1.0, 0.995 + latency_s))


def test_turns_add_up_to_a_round() -> None:
    turns = [(summarize_turn(taken, 0, 0.0), taken) for taken in (taken_of([1.0] * 10), taken_of([1.2] * 10))]
    part = summarize_turns(turns, {})
    assert part.requests == 20
    assert part.rate_rps == pytest.approx(20 / 2.2)
    assert part.cpu_ratio == pytest.approx(0.2 / 2.2)
    assert (part.censored, part.wait_max_s, part.error_kinds) == (0, 0.2, {})
    assert counts_of(part.histogram).total() == 16  # without the first of each user
