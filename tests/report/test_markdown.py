import re
from collections import Counter
from dataclasses import replace
from html import unescape

import pytest
from markdown_it import MarkdownIt

from portcompare.records.results import Results
from portcompare.report.formats import documents
from portcompare.report.templating import escape_markdown
from tests.report.conftest import NOTICES, make_results
from tests.report.test_parity import DIFFERENCE, PARITY

HOSTILE_TEXTS = [
    "<script>alert(1)</script>",
    "a | b",
    "a \\| b \\",
    "`code` and ``more``",
    "*bold* _em_ ~~gone~~ $x$",
    "[link](https://example.org) ![image](x)",
    "&lt; &amp; <!-- gone -->",
    "\"quotes\" 'both'",
    "خادم عربي",
    "x" * 200,
]


def _html(source: str) -> str:
    return str(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(source))


def _text(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


def text_of(source: str) -> str:
    """What a reader sees."""
    return _text(_html(source))


def _rows(source: str) -> list[list[str]]:
    """The cells of every table, as a renderer sees them."""
    rows = re.findall(r"<tr>(.*?)</tr>", _html(source), re.DOTALL)
    return [[_text(cell) for cell in re.findall(r"<t[dh]>(.*?)</t[dh]>", row, re.DOTALL)] for row in rows]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *((text, text) for text in HOSTILE_TEXTS),
        *(("a\nb", "a\\nb"), ("a\x1b[31mb", "a\\x1b[31mb"), ("a\u202eb", "a\\u202eb")),
    ],
)
def test_escaped_texts_are_shown_as_they_are_or_as_their_escapes(text: str, shown: str) -> None:
    escaped = escape_markdown(text)
    assert text_of(f"Text: {escaped}").strip() == f"Text: {shown}"
    assert _rows(f"| a | b |\n| --- | --- |\n| {escaped} | next |\n")[1] == [shown, "next"]


def test_usual_names_are_left_alone() -> None:
    assert escape_markdown("flask-gunicorn (control): 1.5 ms, 99%") == "flask-gunicorn (control): 1.5 ms, 99%"


def test_hostile_names_break_no_table(hostile: Results) -> None:
    source = documents.render_markdown(hostile)
    widths = Counter(len(row) for row in _rows(source))
    assert widths.keys() == {5, 6, 8, 9, 4}
    assert (widths[5], widths[6]) == (1 + len(hostile.summaries), 2)
    assert "<script" not in _html(source)
    outside_code = re.sub(r"^(`{3,})sh$.*?^\1$", "", source, flags=re.DOTALL | re.MULTILINE)
    assert set(re.findall(r"<(\w+)", outside_code)) == {"br", "details", "summary"}


def test_command_lines_can_be_copied_and_do_not_end_their_block(hostile: Results) -> None:
    code = (
        _html(documents.render_markdown(hostile)).split('<code class="language-sh">')[1].split("</code>")[0]
    )
    assert hostile.parity
    assert code.splitlines()[1:] == [
        "curl http://127.0.0.1:1/data?delay=&lt;b&gt;|",
        "curl 'http://127.0.0.1:2/```&lt;script&gt;alert(7)&lt;/script&gt;\\u202e'",
    ]


def test_the_headline_and_the_conclusions_come_first_in_a_sound_run(results: Results) -> None:
    blocks = documents.render_markdown(replace(results, warnings=())).split("\n\n")
    assert blocks[0] == "# portcompare: plan"
    assert blocks[1] == f"**{results.headline}**"
    rows = _rows(blocks[2])
    assert rows[0] == [
        "Level",
        "Rank",
        "Deployment",
        "Ratio",
        "95% range",
        "Verdict",
        "Of its limit",
        "Responses",
    ]
    assert len(rows) == 1 + len(results.summaries)
    assert blocks[4].startswith("- **fast**: quart-hypercorn is slower")
    valid = "This run is valid: 96 rounds in 148 s, 2026-03-02 09:41:07 UTC. Responses: 14 of 14"
    assert blocks[6].startswith(valid)
    assert blocks[-1] == "</details>\n"


def test_what_is_grave_comes_before_the_lines(hostile: Results) -> None:
    blocks = documents.render_markdown(hostile).split("\n\n")
    assert text_of(blocks[1]).startswith("This run is not valid: | <script>")
    labels = re.findall(r"^> \*\*([A-Z ]+)\*\*: |^\| (Level)", "\n".join(blocks), re.MULTILINE)
    assert [label or table for label, table in labels] == [*NOTICES[:3], "Level", *NOTICES[3:]]
    assert "This run is NOT VALID" in text_of("\n\n".join(blocks))


def test_a_comment_holds_a_long_run_with_many_differences() -> None:
    long = replace(DIFFERENCE, kind="header", baseline="<" * 9000, curl_baseline="curl " + "a" * 400)
    found = tuple(replace(long, case=f"GET /{number}", candidate=str(number)) for number in range(900))
    parity = replace(PARITY, cases=900, differences=found)
    source = documents.render_markdown(replace(make_results(blocks=13), parity=parity))
    assert len(source) < 65536
    assert "the first 20 of 900" in source
