from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from portcompare import units
from portcompare.records.results import Results
from portcompare.report.formats.terminal import render_conclusions, render_table

WIDTHS = [80, 120]


def _print(renderable: RenderableType, width: int, *, color: bool = False) -> str:
    file = StringIO()
    Console(file=file, width=width, no_color=False, color_system="standard" if color else None).print(
        renderable
    )
    return file.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_table_holds_its_words_unbroken(width: int, results: Results) -> None:
    printed = _print(render_table(results), width)
    assert max(len(line.rstrip()) for line in printed.splitlines()) <= width
    words = printed.split()
    for word in ("Pattern", "Verdict", "flask-gunicorn", "(baseline)", "(control)", "quart-hypercorn"):
        assert word in words
    for word in ("equivalent", "slower", "faster", "invalid"):
        assert word in words
    assert "5 rounds, 1" in printed
    (ratio,) = {
        one.ratio.point
        for one in results.comparisons
        if (one.level, one.candidate, one.metric) == (64.0, "quart-hypercorn", "throughput")
    }
    assert ratio is not None
    assert units.ratio(ratio) in words
    assert words.count("p99") == len(results.summaries)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_figures_are_those_of_the_record(width: int, results: Results) -> None:
    printed = _print(render_table(results), width)
    for s in results.summaries:
        if s.latency_s and s.rate_rps and s.cpu_s_per_request:
            assert f"CPU {units.duration(s.cpu_s_per_request)} " in printed
            assert f"p95 {units.duration(s.latency_s.p95)} " in printed
            assert f"rate {units.rate(s.rate_rps)} " in printed
    assert "CPU not known" in printed
    assert "186 errors" in printed


def test_verdicts_are_coloured(results: Results) -> None:
    printed = _print(render_table(results), 120, color=True)
    assert "\x1b[32mfaster\x1b[0m" in printed
    assert "\x1b[31mslower\x1b[0m" in printed


def test_the_table_says_that_a_run_is_partial_or_invalid(results: Results, hostile: Results) -> None:
    title, *_ = _print(render_table(hostile), 80).splitlines()
    assert "PARTIAL NOT VALID" in title
    assert "VALID" not in _print(render_table(results), 80)


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_names_are_shown_and_neither_obeyed_nor_parsed(width: int, hostile: Results) -> None:
    run = replace(hostile, name="\x1b[2Jcleared [red]x[/red]")
    for printed in (_print(render_table(run), width), _print(render_conclusions(run), width)):
        assert "\x1b" not in printed
        assert "\u202e" not in printed
    assert "\\x1b[2Jcleared [red]x[/red]" in _print(render_table(run), width)


def test_the_headline_comes_first_then_what_is_grave_then_the_conclusions(hostile: Results) -> None:
    lines = _print(render_conclusions(hostile), 4000).splitlines()
    assert lines[0] == "This run is not valid: | <script>alert(6)</script>\\u202e"
    assert [line.split(":")[0] for line in lines[1:6]] == [
        "NOT VALID",
        "PARTIAL",
        "RESPONSES DIFFER",
        "FEW ROUNDS",
        "WARNING",
    ]
    assert lines[6].startswith("<img src=x onerror=alert(1)>: <script>")
    assert lines[-1].startswith("Not alike: 1 difference from the baseline in 14 cases")


def test_conclusions_are_sentences(results: Results) -> None:
    lines = _print(render_conclusions(replace(results, warnings=())), 200).splitlines()
    assert lines[0] == results.headline
    assert lines[1].startswith("fast: quart-hypercorn is slower than flask-gunicorn by 38%")
    assert lines[-1] == (
        "All responded alike: 14 cases sent to the baseline and to quart-hypercorn, quart-uvicorn."
    )
