import json
from dataclasses import replace
from pathlib import Path

from portcompare.records.estimates import Estimate
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.report.formats import html, markdown
from portcompare.report.formats.results_file import read_results, write_results
from portcompare.report.formats.terminal import advice_texts, render_conclusions, render_screen
from portcompare.report.sections.advice import advice_cells
from tests.analyse.samples import ADVICE
from tests.report.conftest import printed
from tests.report.test_markdown import text_of

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
    page, text = html.render(run), text_of(markdown.render(run))
    for shown, after in ((page, 'id="conclusions"'), (text, "This run is valid")):
        assert results.headline in shown.partition(ADVICE.text)[0]
        assert after in shown.partition(ADVICE.text)[2]
        assert ADVICE.evidence in shown
    assert "What to do" not in html.render(results) + markdown.render(results)
    write_results(run, tmp_path / RESULTS_FILE)
    assert read_results(tmp_path / RESULTS_FILE).advice == run.advice
    written = json.loads((tmp_path / RESULTS_FILE).read_text())
    del written["advice"]  # as of a run before there was any
    (tmp_path / RESULTS_FILE).write_text(json.dumps(written))
    assert read_results(tmp_path / RESULTS_FILE).advice == ()
