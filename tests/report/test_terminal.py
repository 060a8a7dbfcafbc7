from dataclasses import replace

import pytest

from portcompare import units
from portcompare.records.results import Results
from portcompare.report.formats.terminal import render_conclusions, render_table
from tests.report.conftest import NOTICES, printed

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
    (ratio,) = {
        one.ratio.point
        for one in results.comparisons
        if (one.level, one.candidate, one.metric) == (64.0, "quart-hypercorn", "throughput")
    }
    assert ratio is not None
    assert units.ratio(ratio) in words
    assert words.count("p99") == len(results.summaries)
    for s in results.summaries:
        if s.latency_s and s.rate_rps and s.cpu_s_per_request:
            assert f"CPU {units.duration(s.cpu_s_per_request)} " in told
            assert f"p95 {units.duration(s.latency_s.p95)} " in told
            assert f"rate {units.rate(s.rate_rps)} " in told


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


def test_the_headline_comes_first_then_what_is_grave_then_the_conclusions(hostile: Results) -> None:
    lines = printed(render_conclusions(hostile), width=4000).splitlines()
    assert lines[0] == "This run is not valid: | <script>alert(6)</script>\\u202e"
    assert [line.split(":")[0] for line in lines[1:6]] == NOTICES
    assert lines[6].startswith("<img src=x onerror=alert(1)>: <script>")
    assert lines[-1].startswith("Not alike: 1 difference in 14 cases sent to the baseline and to ")


def test_conclusions_are_sentences(results: Results) -> None:
    lines = printed(render_conclusions(replace(results, warnings=())), width=200).splitlines()
    assert lines[0] == results.headline
    assert lines[1].startswith("fast: quart-hypercorn is slower than flask-gunicorn by 38%")
    alike = (
        "Alike in 14 of 14 cases sent one at a time to the baseline and to quart-hypercorn, quart-uvicorn."
    )
    assert lines[-1] == alike
