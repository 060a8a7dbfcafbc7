"""Rows of differences: one a cause, with the routes and deployments on which it shows."""

import tomllib
from collections.abc import Callable
from dataclasses import replace

import pytest

from portcompare.parity.catalogue import CATALOGUE, describe_known
from portcompare.parity.outcome import sort_differences
from portcompare.records.parity import Difference, Parity
from portcompare.records.results import Results
from portcompare.report.formats import documents
from portcompare.report.formats.junit import render_junit
from portcompare.report.formats.terminal import Shown, print_parity, render_parity
from portcompare.report.sections.responses import (
    allowance_text,
    commands_text,
    group_alike,
    parity_text,
    sort_groups,
)
from tests.parity.clients import DIFFERENCE
from tests.report.conftest import printed

URL = "curl http://127.0.0.1:810"
STATUS = replace(DIFFERENCE, candidate="404", curl_baseline=f"{URL}1/a", curl_candidate=f"{URL}2/a")
HEADER = replace(
    STATUS,
    kind="header",
    pointer="X-Frame-Options",
    severity="changes",
    baseline="DENY",
    candidate="(absent)",
)
VALUE = replace(HEADER, kind="json", pointer="/items/0/id", baseline="1", candidate="2")
VARY = replace(HEADER, pointer="Vary", baseline="Cookie", known="session-vary")
ETAG = replace(HEADER, pointer="ETag", case="GET /file", known="file-etag")


def checked(*differences: Difference) -> Parity:
    counts = any(each.counts for each in differences)
    return Parity(
        verdict="different" if counts else "alike",
        cases=90,
        deployments=("new",),
        differences=tuple(sort_differences(differences)),
        known=tuple(
            describe_known(name) for name in dict.fromkeys(each.known for each in differences) if name
        ),
    )


def at(one: Difference, *cases: str) -> list[Difference]:
    return [replace(one, case=case) for case in cases]


def shown(parity: Parity, how: Shown | None = None) -> str:
    return printed(render_parity(parity, how), width=200)


def test_one_difference_on_many_routes_is_one_row_that_names_them() -> None:
    routes = [f"GET /{name}" for name in "abcdefgh"]
    [group] = group_alike(at(HEADER, *routes, "GET /a [no query]", "POST /b?x=1 [cut]"))
    assert group.routes == (*routes, "POST /b")
    uuid = "0c7a1b9e-22d4-4c1f-9d2e-7f0a3c5b6d81"
    [group] = group_alike(at(HEADER, "GET /items/1", "GET /items/77?x=1", f"GET /items/{uuid}"))
    assert len(group.routes) == 1  # that differ in an identifier
    text = shown(checked(*at(HEADER, *routes)))
    assert "changes: on 8 routes: GET /a, GET /b and 6 more at new" in text
    assert text.count("header X-Frame-Options: DENY -> (absent)") == 1


@pytest.mark.parametrize("candidate", ["404", "405"])
def test_a_missing_route_is_one_row_whatever_was_varied(candidate: str) -> None:
    cases = at(replace(STATUS, candidate=candidate), "GET /a", "GET /a [x empty]", "GET /a [header A: b]")
    text = shown(checked(*cases))
    assert "breaks: GET /a (and 2 more) at new" in text
    assert "1 difference (1 of them breaks clients) in 90 cases" in text


def test_differences_of_other_values_places_or_errors_are_rows_of_their_own() -> None:
    error = replace(STATUS, candidate="500")
    found = [
        *at(HEADER, "GET /a", "GET /b"),
        replace(HEADER, case="GET /c", candidate="SAMEORIGIN"),
        replace(VALUE, case="GET /d", pointer="/items/3/id"),
        replace(VALUE, case="GET /d", pointer="/items/4/id", baseline="8"),
        replace(VALUE, case="GET /e", baseline="7"),
        replace(error, case="GET /f", cause="app.py:7 in f: KeyError: 'x' (new.log)"),
        replace(error, case="GET /g", cause="app.py:7 in f: KeyError: 'y' (new.log)"),
        replace(error, case="GET /h", cause="app.py:9 in h: KeyError: 'x' (new.log)"),
        *(replace(VALUE, case="GET /i", pointer=f"/ul/li[{number}]") for number in (2, 3)),
    ]
    routes = ["".join(route[-1] for route in group.routes) for group in group_alike(found)]
    assert routes == ["ab", "c", "d", "e", "fg", "h", "i"]


def test_deployments_that_differ_in_the_same_cases_share_a_row_and_others_do_not() -> None:
    both = [
        replace(each, deployment=name) for name in ("hyper", "uvi") for each in at(HEADER, "GET /a", "GET /b")
    ]
    assert [group.deployments for group in group_alike(both)] == [("hyper", "uvi")]
    assert [group.deployments for group in group_alike(both[:-1])] == [("hyper",), ("uvi",)]


def test_what_is_worth_reading_comes_first() -> None:
    own = replace(VALUE, is_own=True)
    counted = replace(VALUE, case="GET /stats", from_order=True, follows="POST /a")
    harmless = replace(HEADER, severity="harmless", is_own=True)
    known = replace(STATUS, known="json-content-type", is_own=True)
    allowed = replace(STATUS, allowed="meant", is_own=True)
    ranked = [own, STATUS, HEADER, counted, harmless, known, allowed]
    assert sort_differences(ranked[::-1]) == ranked


def test_the_cause_of_an_error_stands_under_it_and_what_may_follow_from_another_difference_says_so() -> None:
    cause = "app.py:7 in f: KeyError: 'x' (new.log)"
    counted = replace(VALUE, from_order=True, follows="POST /a [cut]")
    text = shown(checked(replace(STATUS, candidate="500", cause=cause), counted))
    assert f"    status: 200 -> 500\n    {cause}\n" in text
    assert "may follow from POST /a [cut]" in text


def test_known_differences_are_one_line_and_a_block_for_the_plan() -> None:
    parity = checked(*at(VARY, "GET /a", "GET /b", "GET /a [x]"), ETAG, VALUE)
    text = shown(parity, Shown(more="`--verbose` lists them"))
    assert "2 known differences between frameworks or servers on 3 routes: `--verbose` lists them" in text
    assert CATALOGUE["session-vary"].source not in text
    block = text[text.index("[[parity.allow]]") :].partition("\n\n")[0]
    [allowance] = tomllib.loads(block)["parity"]["allow"]
    assert set(allowance["known"]) == {"session-vary", "file-etag"}
    assert block == allowance_text(sort_groups(parity)[1])
    assert text.index("/items/0/id") < text.index(
        "known differences between frameworks or servers on 3 routes:"
    )
    everything = print_parity(parity)
    assert CATALOGUE["session-vary"].source in everything
    assert "on 2 routes, such as GET /a" in everything


@pytest.mark.parametrize(
    ("found", "lead"),
    [
        ((VARY,), "Not alike, but only known differences remain"),
        ((VARY, ETAG), "Not alike, but only"),
        ((VARY, VALUE), "Not alike: 1 difference"),
    ],
)
def test_the_first_line_says_if_only_known_differences_remain(
    found: tuple[Difference, ...], lead: str
) -> None:
    assert parity_text(checked(*found)).startswith(lead)


def test_at_most_three_pairs_of_commands_are_shown_and_the_file_has_all() -> None:
    found = [replace(VALUE, case=f"GET /{name}", baseline=name) for name in "abcde"]
    parity = checked(*found, VARY)
    text = shown(parity, Shown(commands="out/commands.sh has all"))
    assert text.count("  curl ") == 6
    assert "and 2 more pairs: out/commands.sh has all" in text
    commands = commands_text(parity).splitlines()
    # Vary shows in a case that is there already.
    assert sum(line.startswith("curl ") for line in commands) == 10
    assert all(line.startswith(("curl ", "#")) or not line for line in commands)


def test_a_warning_in_a_log_fails_in_junit_too() -> None:
    logged = replace(STATUS, case="(the server's log)", kind="log", pointer="app.py:3")
    assert 'name="(the server\'s log)"' in render_junit(checked(logged), ("GET /a",))


@pytest.mark.parametrize("render", [documents.render_markdown, documents.render_html])
def test_reports_fold_what_is_known_and_have_the_block_for_the_plan(
    results: Results, render: Callable[[Results], str]
) -> None:
    text = render(replace(results, parity=checked(*at(VARY, "GET /a", "GET /b"), VALUE)))
    folded = text.partition("1 known difference between frameworks or servers on 2 routes</summary>")[2]
    folded = folded.partition("</details>")[0]
    assert "session" in folded
    assert CATALOGUE["session-vary"].source.partition("_")[0] in folded
    assert "[[parity.allow]]" in folded
    assert "Vary" not in text.replace(folded, "")
