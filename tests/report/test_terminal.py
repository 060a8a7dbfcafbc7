import re
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from portcompare import units
from portcompare.records.results import Results
from portcompare.report.formats.terminal import render_conclusions, render_screen, render_table
from tests.altered import known
from tests.report.conftest import NOTICES, make_results, printed, unmeasured
from tests.report.test_checks import KEPT

WIDTHS = [80, 120]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_table_holds_the_figures_of_the_record_its_words_unbroken(width: int, results: Results) -> None:
    told = printed(render_table(results), width=width)
    assert max(len(line.rstrip()) for line in told.splitlines()) <= width
    words = told.split()
    names = {"Pattern", "Verdict", "flask-gunicorn", "(baseline)", "(control)", "quart-hypercorn"}
    assert names | {"equivalent", "slower", "faster", "invalid"} <= set(words)
    for text in ("5 rounds, 1", "CPU not known", "186 errors"):
        assert text in told
    assert words.count("p99") == len(results.summaries)


def test_verdicts_are_coloured(results: Results) -> None:
    told = printed(render_table(results), colour=True)
    assert "\x1b[32mfaster\x1b[0m" in told
    assert "\x1b[31mslower\x1b[0m" in told


def test_the_table_says_that_a_run_is_partial_or_invalid(results: Results, hostile: Results) -> None:
    title, *_ = printed(render_table(hostile)).splitlines()
    assert "PARTIAL NOT VALID" in title
    assert "VALID" not in printed(render_table(results))


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_names_are_shown_and_neither_obeyed_nor_parsed(width: int, hostile: Results) -> None:
    run = replace(hostile, name="\x1b[2Jcleared [red]x[/red]")
    told = printed(render_table(run), render_conclusions(run), width=width)
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "\\x1b[2Jcleared [red]x[/red]" in told


def screen(results: Results) -> list[str]:
    return [line.plain for line in render_screen(results, "runs/x/report.html")]


def test_the_screen_begins_with_the_answer_and_has_a_line_for_each_deployment_at_each_level(
    results: Results,
) -> None:
    lines = screen(results)
    assert lines[0] == results.headline
    assert lines[3] == "fast, 1 user: flask-gunicorn, the baseline: 1,420/s (97% users)"
    groups = [line for line in lines if "the baseline: " in line]
    assert len(groups) == 4
    found = next(
        one for one in results.comparisons if (one.level, one.candidate) == (64.0, "quart-hypercorn")
    )
    point, low, high = known(found.ratio)
    shown = [units.ratio(point), f"[{units.significant(low)},", f"{units.significant(high)}]", "faster"]
    assert [line.split() for line in lines if line.split()[1:5] == shown]
    assert [line for line in lines if line.startswith("  quart-uvicorn  ") and "no result: 6 of 12" in line]
    assert lines[-3:] == [
        "Responses: 14 of 14 cases alike, 2 of them in part (200 x 13, 304 x 1)",
        "WARNING: the load generator shares its CPU with the operating system",
        "report: runs/x/report.html",
    ]


def test_ranked_lines_stand_in_order_with_the_control_first_and_ties_marked(results: Results) -> None:
    ranks = {"baseline": 3, "quart-hypercorn": 1, "quart-uvicorn": 1}
    ranked = tuple(
        replace(one, rank=ranks.get(one.arm)) if one.level == 64.0 else one for one in results.summaries
    )
    lines = screen(replace(results, summaries=ranked))
    first = next(place for place, line in enumerate(lines) if line.startswith("delayed, 64 users"))
    assert lines[first].endswith(", rank 3")
    assert [line[2:20].split()[:2] for line in lines[first + 1 : first + 4]] == [
        ["flask-gunicorn"],
        ["1=", "quart-hypercor"],
        ["1=", "quart-uvicorn"],
    ]
    assert lines[3].endswith("(97% users)")  # where nothing is ranked


def test_lines_of_the_open_model_show_response_times_whatever_the_bound(results: Results) -> None:
    plan: Any = deepcopy(results.plan)
    plan["scenarios"]["fast"]["load"]["model"] = "open"
    first = next(line for line in screen(replace(results, plan=plan)) if line.startswith("fast, "))
    assert first == "fast, 1 request/s: flask-gunicorn, the baseline: 702 us (97% users)"


def test_the_screen_is_forty_lines_of_eighty_columns_whatever_the_run_and_counts_what_it_leaves_out(
    hostile: Results,
) -> None:
    long = make_results(candidates=("a" * 99, "b"), scenarios=("c" * 99, "d"))
    crowded = replace(
        hostile,
        headline="word " * 200,
        summaries=long.summaries * 3,
        warnings=tuple(f"{number} {'w' * 200}" for number in range(50)),
        gates=(KEPT,) * 30,
    )
    for run in (hostile, long, crowded, unmeasured(hostile)):
        lines = screen(run)
        assert len(lines) <= 40
        assert max(map(cell_len, lines)) <= 80
        assert "\u202e" not in "".join(lines)
    assert "and 49 more notices in the report" in screen(crowded)
    assert "and 25 more gates in the report" in screen(crowded)
    assert [line for line in screen(crowded) if re.fullmatch(r"and \d+ more levels in the report", line)]


def test_the_headline_comes_first_then_what_is_grave_then_the_conclusions(hostile: Results) -> None:
    lines = printed(render_conclusions(hostile), width=4000).splitlines()
    assert lines[0] == "This run is not valid: | <script>alert(6)</script>\\u202e"
    assert [line.split(":")[0] for line in lines[1:9]] == [*NOTICES, *["advice"] * 3]
    assert lines[9].startswith("<img src=x onerror=alert(1)>: <script>")
    assert lines[-1].startswith("Not alike: 1 difference in 14 cases sent to the baseline and to ")


def test_conclusions_are_sentences(results: Results) -> None:
    lines = printed(render_conclusions(replace(results, warnings=())), width=200).splitlines()
    assert lines[0] == results.headline
    assert lines[1].startswith("fast: quart-hypercorn is slower than flask-gunicorn by 38%")
    alike = (
        "Alike in 14 of 14 cases sent one at a time to the baseline and to quart-hypercorn, quart-uvicorn."
    )
    assert lines[-1] == alike
