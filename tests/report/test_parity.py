from dataclasses import replace

import pytest

from portcompare.records.parity import Difference, Parity
from portcompare.report.formats.terminal import render_parity
from tests.report.conftest import printed

DIFFERENCE = Difference(
    case="GET /a",
    deployment="new",
    kind="json",
    pointer="/items/0/id",
    severity="breaks",
    baseline="number 1",
    candidate='string "1"',
    curl_baseline="curl http://127.0.0.1:1/" + "a" * 300,
    curl_candidate="curl http://127.0.0.1:2/a",
)
STATUSES = (("no body", "400"), ("cut", "500"), ("twice", "400"))
PARITY = Parity(equal=False, cases=7, deployments=("control", "new"), differences=(DIFFERENCE,))


def test_a_difference_is_shown_side_by_side_with_its_rank_and_place() -> None:
    found = replace(DIFFERENCE, from_order=True, candidate='string "1" [red]\x1b[2J')
    text = printed(render_parity(replace(PARITY, differences=(found,))), width=400)

    assert "The responses differ: 1 difference (1 of them breaks clients) (7 cases, 2 deployments" in text
    [row] = [line for line in text.splitlines() if line.startswith(" GET /a ")]
    shown = ("new", "breaks", "json /items/0/id", "number 1", r'string "1" [red]\x1b[2J', "earlier requests")
    for part in shown:
        assert part in row


@pytest.mark.parametrize("width", [40, 120])
def test_a_command_line_stays_one_line(width: int) -> None:
    lines = printed(render_parity(PARITY), width=width).splitlines()

    assert f"  {DIFFERENCE.curl_baseline}" in lines
    assert f"  {DIFFERENCE.curl_candidate}" in lines


def test_allowed_differences_stand_apart_with_their_reason() -> None:
    parity = replace(PARITY, equal=True, differences=(replace(DIFFERENCE, allowed="ids are text now"),))
    text = printed(render_parity(parity), width=400)

    assert "The responses are alike: no difference, 1 allowed (7 cases" in text
    assert "allowed: ids are text now" in text.split("Allowed by the plan:")[1]


def test_masked_places_seeds_and_warnings_are_told() -> None:
    parity = replace(
        PARITY, equal=True, differences=(), masked=("GET /a: /at",), seeds=("77",), warnings=("beware",)
    )
    text = printed(render_parity(parity))

    assert "Not compared, because it differs by itself:\n  GET /a: /at\n" in text
    assert "Seeds of the generated cases: 77" in text
    assert "WARNING: beware" in text


def test_very_many_differences_are_counted() -> None:
    parity = replace(PARITY, differences=tuple(replace(DIFFERENCE, case=f"GET /{n}") for n in range(100)))
    text = printed(render_parity(parity))

    assert "and 60 more: `--json`" in text
    assert "GET /39 " in text
    assert "GET /40 " not in text


def test_one_mistake_that_shows_in_every_variation_of_a_request_is_one_row() -> None:
    varied = [replace(DIFFERENCE, case=f"GET /a [{what}]", baseline=what) for what in ("b empty", "c: [x]")]
    element = replace(DIFFERENCE, pointer="/items/7/id")
    others = [
        replace(DIFFERENCE, case="GET /other [b empty]"),
        replace(DIFFERENCE, pointer="/items/0/name"),
        replace(DIFFERENCE, deployment="newer"),
        replace(DIFFERENCE, severity="changes"),
    ]
    text = printed(
        render_parity(replace(PARITY, differences=(DIFFERENCE, *varied, element, *others))), width=400
    )

    rows = [line.split("  ")[0].strip() for line in text.splitlines() if line.startswith(" GET ")]
    assert rows == ["GET /a (and 3 more)", "GET /other [b empty]", *["GET /a"] * 3]
    assert "GET /a [b empty]" not in text  # neither its command lines


def test_statuses_that_differ_otherwise_are_rows_of_their_own() -> None:
    refused = replace(DIFFERENCE, case="POST /a [no body]", kind="status", pointer="", baseline="415")
    found = [replace(refused, case=f"POST /a [{what}]", candidate=says) for what, says in STATUSES]
    text = printed(render_parity(replace(PARITY, differences=tuple(found))), width=400)

    rows = [line.split("  ")[0].strip() for line in text.splitlines() if line.startswith(" POST ")]
    assert rows == ["POST /a [no body] (and 1 more)", "POST /a [cut]"]


def test_what_is_masked_in_every_variation_of_a_request_is_one_line() -> None:
    variations = ("GET /a [header X: [y]]: /at", "GET /a [b] (2): /at", "GET /a [b]: Set-Cookie: s")
    masked = ("GET /a: /at", *variations)
    text = printed(render_parity(replace(PARITY, masked=masked)))

    assert "\n  GET /a: /at (and 2 more)\n  GET /a: Set-Cookie: s\n" in text
