from collections.abc import Sequence
from dataclasses import replace

import pytest

from portcompare.records.estimates import Estimate
from portcompare.records.results import Results
from portcompare.records.sweeps import Border, BreakEven, BreakEvenCell, Capacity, CellState, Knee, Sweeps
from portcompare.report.formats.terminal import render_conclusions, render_table
from portcompare.report.sections.load import break_even_tables, capacity_tables
from tests.altered import altered
from tests.report.conftest import printed

EQUAL = Estimate(point=1.0, low=0.98, high=1.02, blocks=5)
CELL = BreakEvenCell(delay_s=0.2, users=8, ratio=EQUAL, state="equal", implied=None)
UNMEASURED = altered(CELL, blocks=0, point=None, low=None, high=None, state="not measured")
GRID = BreakEven(
    candidate="quart-uvicorn",
    cells=(
        replace(UNMEASURED, delay_s=0.0, implied=True),
        replace(UNMEASURED, delay_s=0.0, users=64, implied=False),
        CELL,
        altered(CELL, users=64, point=7.9, low=7.8, high=8.0, state="wins"),
    ),
    borders=(
        Border(delay_s=0.0, wins_from_users=None, not_at_users=None),
        Border(delay_s=0.2, wins_from_users=64, not_at_users=8),
    ),
)
RATE = Estimate(
    point=169.0, low=156.0, high=183.0, blocks=3, reason="the objective was missed at higher rates"
)
CAPACITY = Capacity(
    scenario="delayed",
    arm="quart-uvicorn",
    rate_rps=RATE,
    is_at_least=False,
    ratio=Estimate(point=2.0, low=1.9, high=2.1, blocks=3, verdict="faster", reason="wholly above"),
)
KNEE = Knee(
    scenario="delayed",
    arm="baseline",
    levels=4,
    load=Estimate(point=8.02, low=7.8, high=8.3, blocks=5),
    rate_rps=39.8,
    is_reached=True,
)


def with_sweeps(results: Results, **sweeps: object) -> Results:
    return replace(results, sweeps=Sweeps(**sweeps))  # type: ignore[arg-type]


def rows_of(results: Results, title: str) -> list[dict[str, str]]:
    (table,) = [one for one in capacity_tables(results) if one.title == title]
    return [dict(zip(table.header, row, strict=True)) for row in table.rows]


@pytest.fixture
def swept(results: Results) -> Results:
    return with_sweeps(results, break_even=(GRID,), capacities=(CAPACITY,), knees=(KNEE,))


def test_a_grid_has_a_row_for_each_delay_and_a_column_for_each_number_of_users(swept: Results) -> None:
    (table,) = break_even_tables(swept)
    assert table.title == "Break-even of quart-uvicorn"
    assert table.header == ("Delay", "8 users", "64 users", "Wins")
    assert table.rows == (
        ("none", "not measured, wins around it", "not measured, no win around it", "at 8, not at 64"),
        ("200 ms", "1.00x [0.980x, 1.02x] equal", "7.90x [7.80x, 8.00x] wins", "from 64 users on, not at 8"),
    )


def row_of(
    results: Results, cells: Sequence[BreakEvenCell], from_users: int | None, not_at: int | None
) -> tuple[str, ...]:
    """The one row of a grid with one delay."""
    border = Border(delay_s=0.2, wins_from_users=from_users, not_at_users=not_at)
    grid = replace(GRID, cells=tuple(cells), borders=(border,))
    (table,) = break_even_tables(with_sweeps(results, break_even=(grid,)))
    return table.rows[0]


def test_a_cell_of_which_nothing_is_known_and_a_border_with_no_other_side_say_so(results: Results) -> None:
    measured_in_vain = altered(CELL, point=None, low=None, high=None, state="undecided")
    assert row_of(results, (UNMEASURED, measured_in_vain), None, None)[1:3] == ("not measured", "not known")
    assert row_of(results, GRID.cells, 1, None)[-1] == "from 1 user on"
    next_to_undecided = (altered(CELL, state="undecided", low=0.9, high=1.3), GRID.cells[-1])
    assert row_of(results, next_to_undecided, 64, 8)[-1] == "from 64 users on, not shown at 8"


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (["loses", "equal", "loses"], "at no number of users that was tried"),
        (["loses", "undecided", "loses"], "not shown at any number of users"),
        (["not measured", "not measured", "not measured"], "not known"),
        (["loses", "not measured", "not measured"], "not known"),
        (["loses", "wins", "undecided"], "at 8, not shown at 64"),
        (["wins", "wins", "loses"], "at 1 and 8, not at 64"),
        (["wins", "wins", "not measured"], "at 1 and 8, not known at 64"),
    ],
)
def test_where_it_does_not_win_is_told_from_where_that_is_not_shown_or_not_known(
    results: Results, row: list[CellState], text: str
) -> None:
    cells = [
        replace(UNMEASURED if state == "not measured" else CELL, users=users, state=state)
        for users, state in zip((1, 8, 64), row, strict=True)
    ]
    assert row_of(results, cells, None, None)[-1] == text


def test_a_capacity_is_shown_with_interval_objective_and_ratio(swept: Results) -> None:
    plan = {"scenarios": {"delayed": {"load": {"model": "open", "objective": {"p50": None, "p999": 0.5}}}}}
    (row,) = rows_of(replace(swept, plan=swept.plan | plan), "Capacity")
    assert row == {
        "Scenario": "delayed",
        "Objective": "p99.9 within 500 ms",
        "Arm": "quart-uvicorn",
        "Rate": "169/s [156/s, 183/s]",
        "Against the baseline": "2.00x [1.90x, 2.10x] faster",
        "Blocks": "3",
        "Reason": "the objective was missed at higher rates; wholly above",
    }


def test_a_capacity_that_may_be_higher_or_is_not_known_says_so_and_a_baseline_has_no_ratio(
    results: Results,
) -> None:
    higher = replace(CAPACITY, is_at_least=True, rate_rps=replace(RATE, high=None))
    unknown = replace(CAPACITY, arm="baseline", rate_rps=Estimate(), ratio=None)
    first, second = rows_of(with_sweeps(results, capacities=(higher, unknown)), "Capacity")
    assert first["Rate"] == "at least 169/s [156/s, no end]"
    shown = [second[name] for name in ("Rate", "Against the baseline", "Objective")]
    assert shown == ["not known", "baseline", "not known"]


def test_a_knee_that_was_not_reached_lies_beyond_the_levels(results: Results) -> None:
    beyond = replace(KNEE, is_reached=False, load=Estimate(point=64.0, blocks=5))
    rows = rows_of(with_sweeps(results, knees=(KNEE, beyond)), "Knee")
    assert [(row["Knee"], row["95% interval"]) for row in rows] == [
        ("8.02 users", "[7.80, 8.30]"),
        ("beyond 64 users", ""),
    ]


def test_the_terminal_shows_the_tables_of_sweeps_and_none_that_is_empty(swept: Results) -> None:
    told = printed(render_conclusions(swept), width=200)
    for text in ("Break-even of quart-uvicorn", "Capacity", "Knee", "from 64 users on, not at 8", "169/s"):
        assert text in told
    bare = replace(swept, comparisons=(), summaries=())
    assert printed(render_table(bare)).strip() == bare.name
