import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from portcompare import units
from portcompare.records.results import Results
from portcompare.report.formats import documents
from portcompare.report.formats.documents import BESIDE
from portcompare.report.sections.measured import round_rows

PASSIVE = re.compile(
    "a|bdi|body|caption|circle|dd|desc|details|div|dl|dt|figcaption|figure|footer|g|h[1-3]|head|header|html|li|line"
    "|main|meta|nav|p|path|script|section|small|span|strong|style|summary|svg|table|tbody|td|text|th|thead|time|title|tr"
    "|pre|tfoot|ul"
)
VOID = frozenset({"meta"})


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, and the text of every table row."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in {"script", "style", "title"}:
            self.text += f" {data}"
        if "tr" in self._open:
            self.rows[-1] = " ".join(f"{self.rows[-1]} {data}".split())

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def assert_passive(page: Page) -> None:
    """Nothing in it acts or refers to anything outside the run, and its policy allows nothing else."""
    assert not [tag for tag, _ in page.elements if not PASSIVE.fullmatch(tag)]
    attributes = {name for _, attributes in page.elements for name in attributes}
    assert not {"src", "srcset", "xlink:href", "action", "style"} & attributes
    assert not {name for name in attributes if name.startswith("on")}
    outside_code = re.sub(r"<pre .*?</pre>", "", page.source, flags=re.DOTALL)
    assert not re.search(r"https?:|//[a-z]|url\(|@import", outside_code)
    (policy,) = [found["content"] for found in page.attributes("meta") if "http-equiv" in found]
    assert (policy or "").startswith("default-src 'none'; style-src 'sha256-")


def _charts(page: Page) -> list[dict[str, str | None]]:
    return [svg for svg in page.attributes("svg") if svg.get("role") == "img"]


@pytest.fixture(scope="module")
def source(results: Results) -> str:
    return documents.render_html(results)


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


@pytest.fixture(scope="module")
def hostile_page(hostile: Results) -> Page:
    return Page(documents.render_html(hostile))


def test_only_passive_elements_stand_in_it_and_nothing_outside_the_run_whatever_the_names(
    page: Page, hostile_page: Page
) -> None:
    for found in (page, hostile_page):
        assert_passive(found)
        links = {str(attributes["href"]) for attributes in found.attributes("a")}
        assert {link for link in links if not link.startswith(("#", "data:"))} == {name for name, _ in BESIDE}


def test_the_policy_allows_the_one_style_sheet_and_script_and_nothing_else(source: str, page: Page) -> None:
    (policy,) = [a["content"] for a in page.attributes("meta") if "http-equiv" in a]
    digests = {}
    for kind in ("style", "script"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", source, re.DOTALL)
        digests[kind] = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digests['style']}'; script-src 'sha256-{digests['script']}';"
        " base-uri 'none'; form-action 'none'"
    )


def test_hostile_texts_are_shown_as_they_are(hostile_page: Page) -> None:
    assert "</title><script>alert(3)</script>" in hostile_page.text
    assert "<script>alert(1)</script>|`\"'*x*" in hostile_page.text
    assert "خادم عربي\\u202eevil\\n| a | b |" in hostile_page.text
    assert "x" * 200 in hostile_page.text


def test_ids_are_unique_every_label_leads_somewhere_and_tables_are_captioned_headed_and_scroll(
    page: Page,
) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}
    assert labels == set(ids)
    tables = page.attributes("table")
    assert len(page.attributes("caption")) == len(tables)
    assert all(a.get("scope") in {"col", "row", "rowgroup"} for a in page.attributes("th"))
    scrolling = [a for a in page.attributes("div") if a.get("class") == "scroll"]
    assert len(scrolling) == len(tables) + len(_charts(page))
    assert all(a.get("tabindex") == "0" and a.get("role") == "group" for a in scrolling)


def test_every_level_is_one_group_of_rows_whatever_the_order_and_a_sound_run_has_no_alarm(
    results: Results,
) -> None:
    shuffled = replace(results, summaries=results.summaries[::2] + results.summaries[1::2], warnings=())
    shown = Page(documents.render_html(shuffled))
    rows, top = shown.rows, shown.text.split("Conclusions", 1)[0]
    assert not re.search("VALID|PARTIAL|DIFFER|FEW|WARNING", top)
    assert results.headline in top
    assert shown.text.count(results.headline) == 1
    for group in ("fast · 1 user", "fast · 32 users", "delayed · 1 user", "delayed · 64 users"):
        assert rows.count(group) == 1


def test_what_is_grave_stands_above_the_conclusions(hostile_page: Page) -> None:
    top, below = hostile_page.text.split("Conclusions", 1)
    below, _ = below.split("What each deployment did", 1)
    assert "FEW ROUNDS" in below
    assert "WARNING" in below
    for label in ("NOT VALID", "PARTIAL", "RESPONSES DIFFER"):
        assert label in top
    headline, _ = top.split("the control differs by 12%")
    assert "This run is not valid: | <script>alert(6)</script>\\u202e" in headline


def test_charts_have_a_name_a_description_and_their_data(results: Results, source: str, page: Page) -> None:
    svgs = _charts(page)
    assert len(svgs) == 2 * (5 + 5)
    assert len(re.findall(r"<svg [^>]*><title>[^<]+</title><desc>[^<]+</desc>", source)) == len(svgs)
    for c in results.comparisons:
        if c.ratio.point is not None:
            assert [row for row in page.rows if c.candidate in row and units.ratio(c.ratio.point) in row]


def test_every_round_has_its_row_and_settings_that_differ_are_marked(results: Results, page: Page) -> None:
    assert "threads differs 8 no such setting no such setting" in page.rows
    assert "workers 1 1 1" in page.rows
    rows = [row for row in page.rows if re.match(r"\d+ \d (fast|delayed) ", row)]
    assert rows == [" ".join(row) for row in round_rows(results)]
