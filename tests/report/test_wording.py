import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcompare import units
from portcompare.records.estimates import Estimate
from portcompare.records.metrics import METRICS
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.rounds import Bound
from portcompare.report import EXPORTERS, wording
from portcompare.report.formats import documents
from portcompare.report.formats.results_file import read_results, write_results
from portcompare.report.formats.terminal import advice_texts, render_conclusions, render_screen, render_table
from portcompare.report.sections.conclusions import FEW_BLOCKS, find_notices
from portcompare.report.sections.measured import ROUND_COLUMNS, arm_rows, round_rows
from portcompare.report.sections.method import deployment_settings
from portcompare.report.sections.responses import summary_text
from portcompare.report.wording import advice_cells
from tests.altered import altered
from tests.analyse.samples import ADVICE
from tests.report.conftest import make_results, printed
from tests.report.test_markdown import text_of


def test_what_is_not_known_is_never_a_number_nor_a_verdict(results: Results) -> None:
    assert wording.known(None, units.duration) == "not known"
    assert wording.known(0, units.duration) == "0 us"
    assert set(wording.latencies(None).values()) == {"not known"}
    summaries = tuple(replace(s, ratio=None) for s in results.summaries)
    row = arm_rows(replace(results, comparisons=(), summaries=summaries))[2]
    assert row.cells[4][0] == "not known"


def test_verdicts_on_cost_are_called_by_their_name() -> None:
    cost, rate = METRICS["cpu_s_per_request"], METRICS["throughput"]
    words = [cost.word(verdict) for verdict in ("faster", "slower", "equivalent")]
    assert words == ["cheaper", "dearer", "equivalent"]
    assert (rate.word("faster"), METRICS["p99"].word("slower")) == ("faster", "slower")


def test_a_level_has_the_unit_of_its_load_model(results: Results) -> None:
    for model, level, text in (
        ("closed", 1.0, "1 user"),
        ("closed", 12345.0, "12,345 users"),
        ("open", 400.5, "400.5 requests/s"),
        ("open", 1.0, "1 request/s"),
        ("unheard-of", 64.0, "level 64"),
    ):
        plan = {"scenarios": {"s": {"load": {"model": model}}}}
        assert wording.level_text(replace(results, plan=plan), "s", level) == text
    assert wording.level_text(replace(results, plan={}), "s", 8.0) == "level 8"


def test_moments_are_told_in_utc_and_long_texts_are_cut_and_say_how_long_they_were() -> None:
    assert wording.timestamp("2026-03-02T09:41:07+00:00") == "2026-03-02 09:41:07 UTC"
    assert wording.timestamp("2026-03-02T09:41:07Z") == "2026-03-02 09:41:07 UTC"
    assert wording.clipped("x" * 10, 10) == "x" * 10
    assert wording.clipped("x" * 1234, 10) == "xxxxxxxxxx… (1,234 characters)"


@pytest.mark.parametrize(
    ("blocks", "half_width", "labels"),
    [
        (3, 0.02, ["WARNING"]),  # known well enough to be done early: half the precision, 5%
        (3, 0.03, ["FEW ROUNDS", "WARNING"]),
        (FEW_BLOCKS - 1, 0.03, ["FEW ROUNDS", "WARNING"]),
        (FEW_BLOCKS, 0.03, ["WARNING"]),
    ],
)
def test_few_rounds_are_called_out_unless_a_level_is_known_very_well(
    blocks: int, half_width: float, labels: list[str]
) -> None:
    run = make_results(blocks=blocks)
    comparisons = tuple(
        altered(one, point=1.0, low=1 / (1 + half_width), high=1 + half_width, blocks=blocks)
        for one in run.comparisons
    )
    assert [notice.label for notice in find_notices(replace(run, comparisons=comparisons))] == labels


def test_an_invalid_run_without_a_reason_is_still_called_out(results: Results) -> None:
    notice, *_ = find_notices(replace(results, valid=False))
    assert (notice.label, notice.text) == ("NOT VALID", "no reason was recorded")


def test_the_notice_on_top_counts_differences_as_the_section_on_responses_does(results: Results) -> None:
    assert results.parity
    found = [
        replace(each, case=f"{each.case} [{n}]") for each in results.parity.differences for n in range(9)
    ]
    differing = replace(results.parity, differences=tuple(found), verdict="different")
    notices = {each.label: each.text for each in find_notices(replace(results, parity=differing))}
    assert notices["RESPONSES DIFFER"].startswith(f"{summary_text(differing)}; ")


def test_a_round_s_row_has_a_cell_for_each_heading(results: Results) -> None:
    rows = [dict(zip(ROUND_COLUMNS, row, strict=True)) for row in round_rows(results)]
    discarded = next(row for row in rows if row["Arm"] == "quart-uvicorn" and row["Level"] == "32 users")
    assert discarded["Counts"] == "discarded: responses were wrong"
    assert discarded["Errors"] == "31 (status 500: 31)"
    assert discarded["p50"] == discarded["Bytes per response"] == discarded["Bound"] == "not known"
    first = results.rounds[0]
    assert first.bound
    assert rows[0]["Rate"] == units.rate(first.load.rate_rps)
    assert rows[0]["Bound"] == f"{units.rate(first.bound.rate_rps)} ({first.bound.name})"


def test_a_round_s_row_tells_where_it_stood_and_how_the_generator_kept_its_schedule(results: Results) -> None:
    first, *others = results.rounds
    measured = altered(
        first, offered_rps=400.0, dropped=1200, lag_p99_s=0.0015, lag_max_s=0.02, stall_max_s=0.004,
        steady=False, reconnects=1234,
    )  # fmt: skip
    rows = round_rows(replace(results, rounds=(measured, *others)))
    opened, closed, *_, last = (dict(zip(ROUND_COLUMNS, row, strict=True)) for row in rows)
    columns = ("Offered", "Not sent", "Lag, p99", "Lag, max", "Stall, max")
    assert [opened[column] for column in columns] == ["400/s", "1,200", "1.50 ms", "20.0 ms", "4.00 ms"]
    assert [closed[column] for column in columns[:4]] == ["not known", "0", "not known", "not known"]
    places = ("Block", "Order", "Steady", "Reconnects")
    assert [opened[column] for column in places] == ["1", "1", "no", "1,234"]
    assert [last[column] for column in places] == ["6", "4", "yes", "0"]


def test_no_bound_is_said_to_be_beaten(results: Results) -> None:
    for name, share, text in (
        ("offered", 1.03, "103% of the offered rate, 400/s"),
        ("users", 1.004, "100% of its bound, 400/s: so it is"),
        ("users", 0.5, "50.0% of its bound, 400/s: so it is"),
    ):
        bound = Bound(name=name, rate_rps=400.0, reason="so it is")
        summaries = tuple(replace(one, bound=bound, bound_share=share) for one in results.summaries)
        assert {row.bound for row in arm_rows(replace(results, summaries=summaries))} == {text}


@pytest.fixture
def run(results: Results) -> Results:
    """The baseline was already running, and a command of its own serves the first candidate."""
    running, command, *others = results.manifest.deployments
    running = replace(
        running, kind="url", server="at http://h:1, already running", command=(), environment={}, settings={},
        slots=None, cpus=(), versions={},
    )  # fmt: skip
    command = replace(command, kind="command", server="by its own command", settings={}, slots=None)
    others = [replace(one, python="CPython 3.11.7") for one in others]
    unknown: dict[str, Any] = {"cpu_s_per_request": None, "rss_peak_bytes": None}
    return replace(
        results,
        manifest=replace(results.manifest, deployments=(running, command, *others)),
        rounds=tuple(
            altered(one, **unknown) if one.deployment == running.name else one for one in results.rounds
        ),
        summaries=tuple(
            replace(one, **unknown) if one.deployment == running.name else one for one in results.summaries
        ),
    )


def test_cpu_time_and_memory_are_not_known_and_why_is_said(run: Results) -> None:
    first, *_, last = arm_rows(run)
    assert (first.server["CPU"], first.server["memory"], first.unknown) == (
        "not known",
        "not known",
        "already running",
    )
    assert last.unknown == ""
    row = dict(zip(ROUND_COLUMNS, round_rows(run)[0], strict=True))
    assert row["CPU per request"] == row["Memory, peak"] == "not known: already running"


def test_settings_are_not_known_and_never_called_none(run: Results) -> None:
    settings = {name: tuple(values) for name, *values in deployment_settings(run)}
    elsewhere = "not known: already running"
    assert {settings[name][0] for name in ("command", "environment", "CPUs")} == {elsewhere}
    assert settings["requests in handlers at once"] == ("not known", "not known", "no limit")
    assert settings["keep_alive_s"] == ("not known", "not known", "75")
    assert settings["Python"] == ("not known", "not known", "CPython 3.11.7")


def test_every_report_and_the_terminal_say_so(run: Results) -> None:
    for name in ("report.md", "report.html"):
        before, after = (
            str(EXPORTERS[name](one)).count("already running") for one in (replace(run, summaries=()), run)
        )
        assert after >= before + 4  # the baseline and its control, at each of the levels
    told = printed(render_table(run), width=80)
    assert "CPU not known" in told
    assert "(already running)" in told


RATIO = Estimate(point=4.0, low=3.9, high=4.1, verdict="faster")


def test_advice_says_what_became_of_it() -> None:
    unknown = Estimate(reason="too noisy")
    cells = advice_cells(
        [
            ADVICE,
            replace(ADVICE, outcome="confirmed", measured=RATIO),
            replace(ADVICE, outcome="withdrawn", measured=replace(RATIO, point=1.0, low=0.99, high=1.01)),
            replace(ADVICE, outcome="not decided", measured=unknown),
            replace(ADVICE, change={}),
        ]
    )
    assert [text.removesuffix(ADVICE.text) for text, _ in cells] == [
        "",
        "",
        "withdrawn: ",
        "not decided: ",
        "",
    ]
    assert [why.removeprefix(ADVICE.evidence) for _, why in cells] == [
        "; `portcompare diagnose --try` measures it",
        "; confirmed: 4.00x [3.90x, 4.10x]",
        "; withdrawn: 1.00x [0.990x, 1.01x]",
        "; not decided: too noisy",
        "",
    ]


def test_every_report_has_the_advice_below_the_answer(results: Results, tmp_path: Path) -> None:
    run = replace(results, advice=(ADVICE,))
    screen = [line.plain for line in render_screen(run, "r")]
    assert screen[:2] == [results.headline, f"advice: {ADVICE.text}"]
    assert printed(*advice_texts(run.advice), width=200) in printed(render_conclusions(run), width=200)
    page, text = documents.render_html(run), text_of(documents.render_markdown(run))
    for shown, after in ((page, 'id="conclusions"'), (text, "This run is valid")):
        assert results.headline in shown.partition(ADVICE.text)[0]
        assert after in shown.partition(ADVICE.text)[2]
        assert ADVICE.evidence in shown
    assert "What to do" not in documents.render_html(results) + documents.render_markdown(results)
    write_results(run, tmp_path / RESULTS_FILE)
    assert read_results(tmp_path / RESULTS_FILE).advice == run.advice
    written = json.loads((tmp_path / RESULTS_FILE).read_text())
    del written["advice"]  # as of a run before there was any
    (tmp_path / RESULTS_FILE).write_text(json.dumps(written))
    assert read_results(tmp_path / RESULTS_FILE).advice == ()
