import io
from dataclasses import replace

from rich.console import Console

from portcompare.records.estimates import Estimate
from portcompare.records.results import CheckResult, ClaimResult, Results, Subject
from portcompare.report.formats import html, markdown
from portcompare.report.formats.terminal import render_conclusions
from portcompare.report.sections.checks import claim_tables

RATIO = CheckResult(
    name="one user",
    metric="p50",
    subject=Subject(arm="baseline", scenario="slow", level=1.0),
    reference=Subject(arm="baseline", scenario="fast", level=1.0),
    value=Estimate(point=100.0, low=90.0, high=110.0, blocks=5),
    at_least=10.0,
    at_most=None,
    outcome="kept",
    reason="",
)
VALUE = replace(
    RATIO,
    reference=None,
    value=Estimate(point=0.002, low=0.0019, high=0.0021, blocks=5),
    at_least=None,
    at_most=0.01,
    outcome="broken",
)
RATE = replace(
    VALUE, metric="throughput", value=Estimate(blocks=5), at_least=500.0, at_most=None, outcome="not judged"
)
CLAIM = ClaimResult(
    name="slow-work",
    text="Slow work makes answers slow",
    verdict="depends",
    reason="true: one user",
    checks=(RATIO, VALUE, RATE),
)


def test_a_claim_has_its_verdict_and_the_checks_behind_it(results: Results) -> None:
    verdicts, checks = claim_tables(replace(results, claims=(CLAIM,)))
    assert verdicts.rows == (("Slow work makes answers slow", "depends", "true: one user"),)
    assert checks.rows[0][3:5] == ("slow at 1 on baseline", "fast at 1 on baseline")
    assert [row[5:] for row in checks.rows] == [
        ("100x [90.0x, 110x]", "at least 10.0x", "yes", "5"),
        ("2.00 ms [1.90 ms, 2.10 ms]", "at most 10.0 ms", "no", "5"),
        ("not known", "at least 500/s", "cannot tell", "5"),
    ]


def test_people_at_a_terminal_read_the_verdicts(results: Results) -> None:
    console = Console(width=200, file=io.StringIO())
    console.print(render_conclusions(replace(results, claims=(CLAIM,))))
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Slow work makes answers slow" in told
    assert "depends" in told
    assert "Checks of the claims" not in told


def test_both_reports_show_the_claims_of_a_plan_that_makes_some(results: Results) -> None:
    with_claims = replace(results, claims=(CLAIM,))
    for render in (html.render, markdown.render):
        assert "Slow work makes answers slow" in render(with_claims)
        assert "Checks of the claims" not in render(results)
