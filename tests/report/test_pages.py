from dataclasses import replace

from portcompare.records.estimates import Estimate
from portcompare.records.pages import PageComparison, PageFigure, PagePart, Pages, PageSummary
from portcompare.records.results import Results
from portcompare.report.sections.pages import page_tables
from tests.altered import altered

LCP = PageFigure(
    metric="lcp", median_s=Estimate(point=2.5, low=2.4, high=2.6), p75_s=2.6, rating="needs improvement"
)
PARTS = (
    PagePart(stage="network", what="connect", start_s=0.0, end_s=0.01),
    PagePart(stage="queue", what="wait for the page's handler", start_s=0.01, end_s=2.1),
    PagePart(stage="handler", what="handle the page", start_s=2.1, end_s=2.3),
    PagePart(stage="client", what="render", start_s=2.3, end_s=2.5),
)
SUMMARY = PageSummary(
    page="slow",
    users=64,
    kind="cold",
    arm="baseline",
    deployment="flask",
    blocks=6,
    loads=12,
    failures={"nothing was painted": 2},
    figures=(LCP,),
    parts=PARTS,
    bottleneck="91.6% of the wait of 2.50 s is the server's",
    users_rate_rps=39.9,
)
COMPARISON = PageComparison(
    page="slow",
    users=64,
    kind="cold",
    metric="lcp",
    candidate="new",
    ratio=Estimate(point=0.1, low=0.09, high=0.11, blocks=6, verdict="faster", reason="wholly below"),
)
IDLE = replace(SUMMARY, users=0, kind="warm", users_rate_rps=None, failures={})
UNTOLD = replace(SUMMARY, arm="new", parts=(replace(PARTS[0], stage="server"),), figures=())


PAGES = Pages(browser="Chromium 1", summaries=(SUMMARY, UNTOLD, IDLE), comparisons=(COMPARISON,))


def test_the_figures_of_a_page_have_interval_rating_and_failures_and_its_stages_are_told_apart(
    results: Results,
) -> None:
    assert page_tables(results) == ()
    figures, stages = page_tables(replace(results, pages=PAGES))
    first, second, third = figures.rows
    assert first[:5] == ("slow", "64 users", "cold", "baseline", "2.50 s [2.40 s, 2.60 s], needs improvement")
    assert first[-2:] == ("baseline", "12 in 6 blocks; 39.9/s for the users; 2 failed: nothing was painted")
    assert second[4] == "not known"
    assert second[-2] == "0.100x [0.0900x, 0.110x] faster"
    assert third[1:3] == ("nothing", "warm")
    assert third[-1] == "12 in 6 blocks"
    told, untold, _ = stages.rows
    assert told[4:] == ("200 ms", "2.09 s", "10.0 ms", "200 ms", SUMMARY.bottleneck)
    assert untold[4:6] == ("not known", "not known")
    unknown = altered(COMPARISON, point=None, verdict="invalid")
    figures, _ = page_tables(replace(results, pages=replace(PAGES, comparisons=(unknown,))))
    assert figures.rows[1][-2] == "invalid"
