"""The comparison of two runs in every format."""

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from portcompare.analyse.diff import Run, diff_runs
from portcompare.report import DIFF_EXPORTERS
from portcompare.report.formats.diff import render_terminal
from tests.analyse.samples import in_users
from tests.report.conftest import printed
from tests.report.test_html import Page, assert_passive
from tests.runs import HOSTILE, MARGINS, make_run

OLD = replace(make_run(1, blocks=4, candidate=HOSTILE[0], scenario=HOSTILE[1]), name=HOSTILE[0])
NEW = replace(
    make_run(2, blocks=4, slower=1.3, candidate=HOSTILE[0], scenario=HOSTILE[1]),
    name=HOSTILE[1],
    valid=False,
    partial=True,
    invalid_reasons=(HOSTILE[0],),
    manifest=replace(OLD.manifest, kernel=HOSTILE[1], cpu_model=HOSTILE[0]),
)
DIFF = diff_runs(Run(folder=HOSTILE[0], results=OLD), Run(folder="n\x1b[2J", results=NEW), MARGINS, in_users)
SHOWN = HOSTILE[1].replace("\u202e", "\\u202e").replace("\n", "\\n")


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(DIFF_EXPORTERS["diff.html"](DIFF, NEW))


def test_the_page_is_passive_refers_to_nothing_and_has_names_as_text(page: Page) -> None:
    assert_passive(page)
    assert not [found for _, found in page.elements if "href" in found]
    assert HOSTILE[0] in page.text
    assert SHOWN in page.text
    assert "\u202e" not in page.text


def test_both_kinds_of_ratios_are_drawn_and_listed(page: Page) -> None:
    assert len(page.attributes("svg")) == 2 * 5
    tables = [row for row in page.rows if row.startswith(f"{SHOWN} 64 users")]
    assert len([row for row in tables if "Throughput" in row]) == 3 + 2
    assert "new divided by old; more is better" in page.text
    assert "ratio to the baseline, new divided by old; more is better" in page.text


def test_what_is_grave_stands_first(page: Page) -> None:
    top, _ = page.text.split("The two runs", 1)
    assert "NEW RUN NOT VALID" in top
    assert "NEW RUN PARTIAL" in top
    assert "ANOTHER MACHINE" in top


def test_markdown_shows_names_as_they_are() -> None:
    source = DIFF_EXPORTERS["diff.md"](DIFF, NEW)
    html = MarkdownIt("commonmark").enable("table").render(source)
    shown = Page("<html>" + html.replace("<hr />", "").replace("<br />", "") + "</html>")
    assert not {"script", "img"} & {tag for tag, _ in shown.elements}
    assert HOSTILE[0] in shown.text
    assert SHOWN in shown.text
    columns = {row.count("|") for row in re.sub(r"\\\|", "", source).splitlines() if row.startswith("| ")}
    assert columns == {4, 9}


def test_the_terminal_shows_names_as_they_are_and_cuts_long_tables() -> None:
    manifest = replace(OLD.manifest, libraries={f"library-{number}": "1" for number in range(20)})
    old = replace(OLD, manifest=manifest)
    many = diff_runs(Run(folder="old", results=old), Run(folder="n\x1b[2J", results=NEW), MARGINS, in_users)
    told = printed(render_terminal(many, NEW), width=80)
    assert "\x1b" not in told
    assert "n\\x1b[2J" in told
    assert "\u202e" not in told
    assert "<script>" in told
    assert "NEW RUN NOT VALID" in told
    assert "NEW RUN PARTIAL" in told
    assert re.search(r"And \d+ more lines: --out\s+DIR or --json shows\s+all", told)
