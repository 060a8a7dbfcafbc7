import json
from dataclasses import replace
from pathlib import Path

from portcompare.records.diagnosis import Advice
from portcompare.records.estimates import Estimate
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.report.formats import html, markdown
from portcompare.report.formats.results_file import read_results, write_results
from portcompare.report.formats.terminal import advice_texts, render_conclusions, render_screen
from portcompare.report.sections.advice import advice_cells
from tests.report.conftest import printed
from tests.report.test_markdown import text_of

THREADS = Advice(
    text="Stay on flask, with 64 threads instead of 8: up to 7.9x the rate",
    evidence="64 users for 8 slots",
    gain=7.9,
    effort="setting",
    deployment="flask",
    scenario="fast",
    change={"threads": 64},
)
RATIO = Estimate(point=4.0, low=3.9, high=4.1, verdict="faster")


def test_advice_says_what_became_of_it() -> None:
    unknown = Estimate(reason="too noisy")
    cells = advice_cells(
        [
            THREADS,
            replace(THREADS, outcome="confirmed", measured=RATIO),
            replace(THREADS, outcome="withdrawn", measured=replace(RATIO, point=1.0, low=0.99, high=1.01)),
            replace(THREADS, outcome="not decided", measured=unknown),
            replace(THREADS, change={}),
        ]
    )
    assert [text.removesuffix(THREADS.text) for text, _ in cells] == [
        "",
        "",
        "withdrawn: ",
        "not decided: ",
        "",
    ]
    assert [why.removeprefix(THREADS.evidence) for _, why in cells] == [
        "; `portcompare diagnose --try` measures it",
        "; confirmed: 4.00x [3.90x, 4.10x]",
        "; withdrawn: 1.00x [0.990x, 1.01x]",
        "; not decided: too noisy",
        "",
    ]


def test_every_report_has_the_advice_below_the_answer(results: Results, tmp_path: Path) -> None:
    run = replace(results, advice=(THREADS,))
    screen = [line.plain for line in render_screen(run, "r")]
    assert screen[:2] == [results.headline, f"advice: {THREADS.text}"]
    assert printed(*advice_texts(run.advice), width=200) in printed(render_conclusions(run), width=200)
    page, text = html.render(run), text_of(markdown.render(run))
    for shown, after in ((page, 'id="conclusions"'), (text, "This run is valid")):
        assert results.headline in shown.partition(THREADS.text)[0]
        assert after in shown.partition(THREADS.text)[2]
        assert THREADS.evidence in shown
    assert "What to do" not in html.render(results) + markdown.render(results)
    write_results(run, tmp_path / RESULTS_FILE)
    assert read_results(tmp_path / RESULTS_FILE).advice == run.advice
    written = json.loads((tmp_path / RESULTS_FILE).read_text())
    del written["advice"]  # as of a run before there was any
    (tmp_path / RESULTS_FILE).write_text(json.dumps(written))
    assert read_results(tmp_path / RESULTS_FILE).advice == ()
