"""All that the sections say is in both reports, and what a run has not is in neither."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from portcompare.records.results import Results
from portcompare.records.sweeps import Sweeps
from portcompare.report.formats import documents
from portcompare.report.sections import conclusions, load, measured, method, pages, responses
from portcompare.report.wording import TextTable
from tests.report.conftest import IN_PART, unmeasured
from tests.report.test_checks import CLAIM, CROSSED, KEPT, UNKNOWN
from tests.report.test_html import Page
from tests.report.test_markdown import text_of
from tests.report.test_pages import PAGES
from tests.report.test_parity import DIFFERENCE
from tests.report.test_responses import VARY
from tests.report.test_sweeps import CAPACITY, GRID, KNEE

LONGEST = 110  # What is longer may be cut


@pytest.fixture(scope="module")
def full(results: Results) -> Results:
    """A run of everything that there is a section for."""
    assert results.parity is not None
    found = (DIFFERENCE, VARY, replace(DIFFERENCE, case="GET /b", allowed="meant | <to> be"))
    return replace(
        results,
        gates=(KEPT, CROSSED, UNKNOWN),
        claims=(CLAIM,),
        pages=PAGES,
        sweeps=Sweeps(capacities=(CAPACITY,), knees=(KNEE,)),
        parity=replace(results.parity, verdict="different", differences=found, seeds=("77",)),
    )


def tables_of(run: Results) -> Iterator[TextTable]:
    for tables in (conclusions.gate_tables, conclusions.claim_tables, pages.page_tables):
        yield from tables(run)
    yield from (*load.break_even_tables(run), *load.capacity_tables(run))


def said_of(run: Results) -> Iterator[str]:
    """Each text of the sections."""
    for table in tables_of(run):
        yield from (table.title, table.note, *table.header)
        yield from (cell for row in table.rows for cell in row)
    for one in measured.arm_rows(run):
        yield from (one.deployment, one.rounds, one.rate, one.errors, one.payload, one.ratio, one.bound)
        yield from (f"{name} {text}" for name, text in one.percentiles.items())
    yield from (cell for row in measured.comparison_rows(run) for cell in row)
    yield from (text for fact in method.method_facts(run) + method.machine_facts(run) for text in fact)
    yield from (cell for row in method.deployment_settings(run) for cell in row)
    yield from (f"{one.label}{one.text}" for one in conclusions.find_notices(run) if not one.grave)
    if run.parity is not None:
        own, known, allowed = responses.sort_groups(run.parity)
        yield from (cell for one in (*own, *allowed) for cell in responses.difference_cells(one, LONGEST))
        yield from (responses.RANKS, responses.known_text(known), *responses.coverage_texts(run.parity))
        yield from (text for pair in responses.curl_pairs(own) for text in pair)
        yield f"Seeds of the generated cases: {', '.join(run.parity.seeds)}"


def words_of(text: str) -> str:
    return "".join(text.replace(":", "").split())


@pytest.mark.parametrize("which", ["html", "markdown"])
def test_both_reports_show_all_that_each_section_says(full: Results, which: str) -> None:
    swept = replace(full, sweeps=replace(full.sweeps, break_even=(GRID,)))
    for run in (full, swept):
        shown = words_of(
            Page(documents.render_html(run)).text
            if which == "html"
            else text_of(documents.render_markdown(run))
        )
        assert [text for text in said_of(run) if len(text) <= LONGEST and words_of(text) not in shown] == []
        assert all(f"Comparedinpart{words_of(one.case)}" in shown for one in IN_PART)


@pytest.mark.parametrize("render", [documents.render_html, documents.render_markdown])
def test_of_what_a_run_has_not_there_is_no_section(results: Results, full: Results, render: object) -> None:
    assert callable(render)
    titles = (
        *("Gates", "Knee", "Capacity", "What a visitor waits for", "Differences that the plan allows"),
        *("From where on a candidate wins", "Checks of the claims", "Seeds of the generated cases"),
    )
    plain, bare = render(results), render(replace(unmeasured(full), conclusions=()))
    assert [title for title in titles if title in plain] == []
    for text in ("There are no conclusions.", "RESPONSES NOT COMPARED", "0 rounds, 0 of them discarded"):
        assert text in bare
    assert [text for text in ("Network payload", "All 0 comparisons") if text in bare] == []
