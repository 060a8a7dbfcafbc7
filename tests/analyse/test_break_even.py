from collections.abc import Sequence
from dataclasses import replace

import pytest

from portcompare.analyse.sweeps import find_break_even
from portcompare.records.estimates import Comparison, Verdict
from portcompare.records.rounds import CONTROL
from portcompare.records.sweeps import BreakEven
from tests.altered import altered
from tests.analyse.samples import CANDIDATE, COMPARISON

DELAYS_S = {"none": 0.0, "short": 0.01, "long": 0.2}
USERS = (1, 8, 64)
SIGNS = {True: "+", False: "-", None: "?"}


WIN = altered(COMPARISON, point=2.0, low=1.9, high=2.1, verdict="faster")
LOSS = altered(COMPARISON, point=0.5, low=0.4, high=0.6, verdict="slower")


def at(scenario: str, users: int, one: Comparison = WIN) -> Comparison:
    return replace(one, scenario=scenario, level=float(users))


def lay_out(rows: Sequence[str], users: Sequence[int] = USERS) -> BreakEven:
    """The grid of a candidate that wins at +, loses at -, and was not measured at a dot."""
    measured = [
        at(scenario, level, WIN if sign == "+" else LOSS)
        for scenario, row in zip(DELAYS_S, rows, strict=True)
        for level, sign in zip(users, row, strict=True)
        if sign != "."
    ]
    (grid,) = find_break_even(measured, DELAYS_S, users)
    return grid


def implied(grid: BreakEven, width: int = 3) -> list[str]:
    """What is known of each cell, row by row."""
    signs = [SIGNS[cell.is_win] for cell in grid.cells]
    return ["".join(signs[start : start + width]) for start in range(0, len(signs), width)]


def test_the_state_of_a_cell_is_where_its_interval_lies() -> None:
    cases: tuple[tuple[float, float, Verdict, str], ...] = (
        (1.2, 1.4, "faster", "wins"),
        (1.01, 1.4, "inconclusive", "wins"),
        (1.01, 1.02, "equivalent", "equal"),
        (0.98, 1.02, "equivalent", "equal"),
        (0.98, 1.40, "inconclusive", "undecided"),
        (0.60, 0.99, "inconclusive", "loses"),
        (0.5, 0.6, "slower", "loses"),
    )
    for low, high, verdict, state in cases:
        one = altered(at("long", 64), low=low, high=high, point=(low + high) / 2, verdict=verdict)
        (grid,) = find_break_even([one], DELAYS_S, USERS)
        cell = grid.cells[-1]
        assert (cell.delay_s, cell.users, cell.state) == (0.2, 64, state)
        assert (cell.ratio, cell.is_win, cell.implied) == (one.ratio, state == "wins", None)


def test_cells_that_were_not_measured_say_so_and_one_without_a_ratio_is_undecided_and_no_neighbour() -> None:
    grid = lay_out(["-..", "...", "..+"])
    assert [cell.state for cell in grid.cells].count("not measured") == 7
    assert implied(grid) == ["-??", "???", "??+"]
    assert {cell.ratio.point for cell in grid.cells if cell.state == "not measured"} == {None}
    unknown = altered(at("none", 8), point=None, low=None, high=None, blocks=1, verdict="invalid")
    (grid,) = find_break_even([unknown, at("none", 1), at("none", 64)], DELAYS_S, USERS)
    assert (grid.cells[1].state, grid.cells[1].implied) == ("undecided", True)


@pytest.mark.parametrize(
    ("measured", "known"),
    [
        (["-.-", "...", "-.+"], ["---", "-??", "-?+"]),
        (["-.-", "...", "-.-"], ["---", "---", "---"]),
        (["+.+", "...", "+.+"], ["+++", "+++", "+++"]),
        (["-+.", ".+.", "-+."], ["-+?", "-+?", "-+?"]),
        ([".+.", "-.-", ".+."], ["?+?", "-?-", "?+?"]),  # row and column contradict each other
        (["+-+", "-+-", "+-+"], ["+-+", "-+-", "+-+"]),  # what was measured is never implied
    ],
)
def test_what_lies_between_neighbours_that_agree_is_implied(measured: list[str], known: list[str]) -> None:
    grid = lay_out(measured)
    assert implied(grid) == known
    assert {cell.implied for cell in grid.cells if cell.state != "not measured"} == {None}


def test_the_border_is_where_all_that_lies_beyond_wins() -> None:
    expected = {"--+": (64, 8), "-++": (8, 1), "+++": (1, None), "---": (None, None), "-+-": (None, None)}
    expected |= {"+-+": (64, 8), "-.+": (64, 1), "++.": (None, None)}
    borders = {row: lay_out(["...", "...", row]).borders[2] for row in expected}
    assert {row: (one.wins_from_users, one.not_at_users) for row, one in borders.items()} == expected
    assert {one.delay_s for one in borders.values()} == {0.2}


def test_each_candidate_has_a_grid_and_other_metrics_and_scenarios_have_none() -> None:
    comparisons = [
        at("long", 64),
        replace(at("long", 64, LOSS), candidate=CONTROL),
        replace(at("long", 64, LOSS), metric="p50"),
        at("elsewhere", 64),
    ]
    grids = find_break_even(comparisons, DELAYS_S, USERS)
    assert {grid.candidate: grid.cells[-1].state for grid in grids} == {CANDIDATE: "wins", CONTROL: "loses"}
    assert find_break_even([], DELAYS_S, USERS) == ()
