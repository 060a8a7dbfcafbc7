from dataclasses import replace

import pytest

from portcompare.records.parity import CaseCoverage, Coverage, Parity, RequestFault
from portcompare.report.formats.terminal import render_parity
from tests.parity import clients
from tests.report.conftest import printed

DIFFERENCE = replace(
    clients.DIFFERENCE,
    kind="json",
    pointer="/items/0/id",
    baseline="number 1",
    candidate='string "1"',
    curl_baseline="curl http://127.0.0.1:1/" + "a" * 300,
    curl_candidate="curl http://127.0.0.1:2/a",
)
PARITY = Parity(verdict="different", cases=7, deployments=("control", "new"), differences=(DIFFERENCE,))


def test_a_difference_is_shown_with_its_rank_place_and_both_sides() -> None:
    found = replace(DIFFERENCE, from_order=True, candidate='string "1" [red]\x1b[2J')
    text = printed(render_parity(replace(PARITY, differences=(found,))), width=400)

    assert text.startswith(
        "Not alike: 1 difference (1 of them breaks clients) in 7 cases sent to the baseline"
    )
    lines = text.splitlines()
    place = lines.index("breaks: GET /a at new")
    assert lines[place + 1] == r'    json /items/0/id: number 1 -> string "1" [red]\x1b[2J'
    assert "earlier requests" in lines[place + 2]


@pytest.mark.parametrize("width", [40, 120])
def test_a_command_line_stays_one_line(width: int) -> None:
    lines = printed(render_parity(PARITY), width=width).splitlines()

    assert f"  {DIFFERENCE.curl_baseline}" in lines
    assert f"  {DIFFERENCE.curl_candidate}" in lines


def test_allowed_differences_stand_apart_with_their_reason() -> None:
    parity = replace(PARITY, verdict="alike", differences=(replace(DIFFERENCE, allowed="ids are text now"),))
    text = printed(render_parity(parity), width=400)

    alike = "Alike in 7 of 7 cases sent one at a time to the baseline and to control, new"
    assert f"{alike}; no difference, 1 allowed." in text
    assert "allowed: ids are text now" in text.split("Allowed by the plan:")[1]


NOTHING = CaseCoverage(case="GET /random", status=200, compared="not compared", reason="the body differs")
PART = CaseCoverage(case="GET /a", status=200, compared="in part", omitted=("/at", "/token"))


def test_what_was_not_compared_seeds_and_warnings_are_shown() -> None:
    coverage = Coverage(
        in_full=4,
        in_part=(PART, replace(PART, case="GET /a [b]")),
        not_compared=(NOTHING,),
        errors={"400": 2, "404": 1},
        routes_known=6,
        routes_requested=4,
        unrequested=("POST /items", "GET /items/<id>"),
    )
    parity = replace(
        PARITY, verdict="alike", differences=(), coverage=coverage, seeds=("77",), warnings=("beware",)
    )
    text = printed(render_parity(parity), width=400)

    assert text.startswith(
        "Alike in 3 of 7 cases sent one at a time to the baseline and to control, new; "
        "3 more are errors on both sides; "
        "1 not compared: GET /random (the body differs).\n"
    )
    for line in (
        "7 cases: compared in full 4, in part 2, not at all 1",
        "Responses that are errors on both sides: 2 with status 400, 1 with status 404",
        "Compared in part: GET /a (and 1 more) (without /at, /token)",
        "Not compared: GET /random (the body differs)",
        "Routes: 4 of 6 were requested",
        "Route not requested: POST /items",
    ):
        assert f"\n{line}\n" in text
    assert "Seeds of the generated cases: 77" in text
    assert "WARNING: beware" in text


def test_very_many_differences_are_counted() -> None:
    found = tuple(replace(DIFFERENCE, case=f"GET /{n}", baseline=str(n)) for n in range(100))
    text = printed(render_parity(replace(PARITY, differences=found)))

    assert "and 60 more: the report in its folder has all" in text
    assert "GET /39 " in text
    assert "GET /40 " not in text


def test_a_fault_of_the_plan_comes_first_with_its_traceback_and_remedy() -> None:
    fault = RequestFault(
        case="GET /a", found="status 500: no table", remedy="make it", traceback="Traceback\n  x"
    )
    text = printed(
        render_parity(replace(PARITY, verdict="not compared", differences=(), faults=(fault,))), width=200
    )

    assert text.startswith(
        "FAULT OF THE PLAN: the plan's request GET /a does not work on the baseline: status 500: no table\n"
        "    Traceback\n      x\n    make it\nNot all was compared: alike in 7 of 7 cases"
    )
