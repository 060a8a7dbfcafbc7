from __future__ import annotations

from portcompare.measure import Place, Timekeeper


def place(scenario: str, level: float = 1.0) -> Place:
    return Place(block=0, order=0, arm="new", scenario=scenario, level=level)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_round_that_would_end_too_late_is_not_begun() -> None:
    clock = Clock()
    timekeeper = Timekeeper(10.0, clock)
    timekeeper.begin_block()
    for scenario, took_s in (("short", 1.0), ("long", 4.0), ("short", 2.0)):
        assert timekeeper.begin_round(place(scenario))
        clock.now_s += took_s
        timekeeper.end_round(place(scenario))
    assert not timekeeper.is_up
    assert timekeeper.begin_round(place("short"))  # 7 s and at most 2 s more
    assert not timekeeper.begin_round(place("long"))
    assert timekeeper.is_up


def test_a_scenario_never_measured_is_taken_to_last_as_long_as_the_longest() -> None:
    clock = Clock()
    timekeeper = Timekeeper(10.0, clock)
    timekeeper.begin_block()
    assert timekeeper.begin_round(place("long"))
    clock.now_s = 6.0
    timekeeper.end_round(place("long"))
    assert not timekeeper.begin_round(place("other"))


def test_what_fits_is_chosen_by_what_a_start_and_the_levels_rounds_took() -> None:
    clock = Clock()
    timekeeper = Timekeeper(100.0, clock)
    for start_s in (9.0, 2.0):  # the first with the comparison of answers
        timekeeper.begin_block()
        clock.now_s += start_s
        for level, took_s in ((1.0, 1.0), (8.0, 3.0)):
            assert timekeeper.begin_round(place("fast", level))
            clock.now_s += took_s
            timekeeper.end_round(place("fast", level))
    wanted = [("fast", 8.0), ("fast", 1.0)]
    clock.now_s = 100.0 - 2.0 - 16.0
    assert timekeeper.choose(wanted, arms=4) == tuple(wanted)
    clock.now_s += 0.1
    assert timekeeper.choose(wanted, arms=4) == (("fast", 8.0),)
    clock.now_s += 4.0
    assert timekeeper.choose(wanted, arms=4) == (("fast", 1.0),)
    clock.now_s = 99.0
    assert timekeeper.choose(wanted, arms=4) == ()


def test_what_a_block_takes_beside_its_start_and_its_rounds_is_kept_for_it() -> None:
    clock = Clock()
    timekeeper = Timekeeper(10.0, clock)
    timekeeper.begin_block()
    assert timekeeper.begin_round(place("fast"))
    clock.now_s = 2.0
    timekeeper.end_round(place("fast"))
    timekeeper.beside_s = 4.0
    assert timekeeper.choose([("fast", 1.0)], arms=2) == (("fast", 1.0),)
    timekeeper.beside_s = 4.1
    assert timekeeper.choose([("fast", 1.0)], arms=2) == ()
