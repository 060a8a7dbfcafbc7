"""Two bodies compared, of every format, and how much of them."""

import gzip
import json
import re
import zlib

import brotli
import pytest

from portcompare.http.responses import Response
from portcompare.parity.bodies import INVALID_JSON, SAME_VALUE, find_flaw
from portcompare.parity.compare import compare_responses, cover, find_noise
from portcompare.parity.findings import Finding
from portcompare.records.parity import CaseCoverage
from portcompare.records.requests import RequestSpec

GET = RequestSpec(name="GET /a", target="/a")
HTML = "text/html; charset=utf-8"
JSON = "application/json"


def response(
    body: bytes | str, content_type: str = "", *headers: tuple[str, str], status: int = 200
) -> Response:
    content = body.encode() if isinstance(body, str) else body
    given = (("content-type", content_type),) if content_type else ()
    return Response(server="127.0.0.1:80", status=status, headers=(*given, *headers), body=content)


def compared(
    ours: bytes | str, theirs: bytes | str, content_type: str = "", *, again: tuple[bytes | str, ...] = ()
) -> list[Finding]:
    """What is found after the baseline has sent its body, and others again."""
    baseline = [response(body, content_type) for body in (ours, *again)]
    noise = find_noise(GET, baseline, ())
    return compare_responses(GET, baseline[0], response(theirs, content_type), noise)


def covered(content_type: str, *bodies: bytes | str) -> CaseCoverage:
    baseline = [response(body, content_type) for body in bodies]
    return cover(GET, baseline, (), find_noise(GET, baseline, ()))


@pytest.mark.parametrize(
    ("ours", "theirs", "content_type", "expected"),
    [
        ("text", "other", "", ("body", "value", "changes")),
        ("text", "", "", ("body", "presence", "breaks")),
        ("", "text", "", ("body", "presence", "changes")),
        ("{}", "text", "", ("body", "type", "breaks")),
        ("{}", "\ufeff{}", JSON, ("json", "value", "changes")),
        ("{}", "", JSON, ("body", "presence", "breaks")),
        ("text", "{}", "", ("body", "value", "changes")),
        ("{}", "[]", "", ("json", "type", "breaks")),
        ("1", "2", "", ("body", "value", "changes")),  # a scalar is text without the type
        ("1", "2", JSON, ("json", "value", "changes")),
        ("[" * 900 + "]" * 900, "[" * 901 + "]" * 901, "", ("body", "value", "changes")),
        ('{"a": NaN}', '{"a": 1}', JSON, ("json", "type", "breaks")),
        ('{"a": 1}\n{"a": 2}', '{"a": 1}', "application/x-ndjson", ("json", "presence", "breaks")),
        ("<r><a>1</a></r>", "<r/>", "text/xml", ("body", "presence", "breaks")),
        ("<r><a>1</a></r>", "<r><a>2</a></r>", "text/xml", ("body", "value", "changes")),
        ("<r/>", "<r>", "text/xml", ("body", "type", "breaks")),
        ("a=1&b=2", "a=1", "application/x-www-form-urlencoded", ("body", "presence", "breaks")),
        ("id\r\n1\r\n", "id\r\n2\r\n", "text/csv", ("body", "value", "changes")),
        ("data: 1\n\n", "data: x\n\n", "text/event-stream", ("body", "type", "breaks")),
        ("a\nb\n", "a\n", "text/plain", ("body", "presence", "changes")),
        (b"\x00a", b"\x00b", "image/png", ("body", "value", "changes")),
    ],
)
def test_bodies_are_ranked_by_what_a_client_loses(
    ours: bytes | str, theirs: bytes | str, content_type: str, expected: tuple[str, str, str]
) -> None:
    [finding] = compared(ours, theirs, content_type)
    assert (finding.kind, finding.aspect, finding.severity) == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "content_type"),
    [
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}', JSON),
        ('["\\u00e9", 1.50, 1e2]', '["é",1.5,100]', JSON),
        ('{"a": 1}\n', '{"a":1}\n\n', "application/x-ndjson"),
        ("<p>&eacute;</p>", "<p>é</p>\n", HTML),
        ('<r a="1"><b/></r>', "<r a='1'>\n  <b></b>\n</r>", "application/xml"),
        ("a=1&b=%20", "b=+&a=1", "application/x-www-form-urlencoded"),
        ('"1",2\r\n', "1,2\n", "text/csv"),
        ("data: 1\n\n", "data:1\r\n\r\n", "text/event-stream"),
    ],
)
def test_the_same_value_in_other_bytes_is_harmless_and_says_so(
    ours: str, theirs: str, content_type: str
) -> None:
    [finding] = compared(ours, theirs, content_type)
    assert finding.severity == "harmless"
    assert finding.baseline.startswith(SAME_VALUE)
    assert finding.baseline != finding.candidate


PAGE = """<!DOCTYPE html>
<html><head><title>Tea</title></head><body>
<!-- served by {} -->
<h1 id="top" class="big">Tea &amp; more</h1>
<p>results for tea, <b>two</b> <i>found</i> in {} ms</p>
<table><tr><td>green</td></tr><tr><td>black</td></tr></table>
<form action="/buy"><input name="amount" value="1"><input type="hidden" name="csrf" value="{}"></form>
<script>var token = "{}"; start()</script>
</body></html>"""


def served(number: int) -> str:
    return PAGE.format(number, number, f"c{number}", f"t{number}")


ROW = "<tr><td>black"
MUTATIONS = {
    "text": ("for tea", "for nothing", "/html/body/p/text()", "changes"),
    "text of a line with noise": ("in ", "after ", "/html/body/p/text()[3]", "changes"),
    "attribute": ('class="big"', 'class="small"', "/html/body/h1/@class", "changes"),
    "lost attribute": (' id="top"', "", "/html/body/h1/@id", "changes"),
    "missing element": ("<i>found</i>", "", "/html/body/p/i", "changes"),
    "order": ("<b>two</b> <i>found</i>", "<i>found</i> <b>two</b>", "/html/body/p/order()", "changes"),
    "duplicated row": (ROW, f"{ROW}</td></tr>{ROW}", "/html/body/table/tbody/tr[3]", "changes"),
    "form field": ('<input name="amount" value="1">', "", "/html/body/form/input[2]", "breaks"),
    "name of a form field": ('name="amount"', 'name="number"', "/html/body/form/input/@name", "breaks"),
    "value of a form field": ('value="1"', 'value="2"', "/html/body/form/input/@value", "changes"),
    "address of a form": ('action="/buy"', 'action="/sell"', "/html/body/form/@action", "breaks"),
    "script": ("start()", "stop()", "/html/body/script/text()", "changes"),
    "comment": ("served by", "made by", "/html/body/comment()", "harmless"),
    "doctype": ("<!DOCTYPE html>\n", "", "/doctype()", "changes"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_of_a_noisy_page_is_found_at_its_place(mutation: str) -> None:
    before, after, pointer, severity = MUTATIONS[mutation]
    assert served(1).count(before) == 1
    theirs = served(9).replace(before, after)
    found = compared(served(1), theirs, HTML, again=(served(2), served(3)))
    assert (pointer, severity) in [(each.pointer, each.severity) for each in found]
    if mutation not in ("missing element", "form field"):  # what follows moves up
        assert len(found) == 1


def test_what_is_lost_from_a_page_is_shown_as_markup_and_a_form_with_its_fields_breaks() -> None:
    [finding] = compared("<p>a</p><div>b<form><select name=x></select></form></div>", "<p>a</p>", HTML)
    assert finding.severity == "breaks"
    assert finding.baseline == '<div>b<form><select name="x"></select></form></div>'


LONG = "a" * 3000


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps({"items": [LONG + "X" + LONG]}), JSON),
        (json.dumps([LONG + "X" + LONG] * 2), JSON),
        (LONG + "X" + LONG, "text/plain"),
        (f"{LONG},{LONG}X\r\n", "text/csv"),
        (f"<p title='{LONG}X'>", HTML),
        (f"<p>{LONG}X", HTML),
        (f"data: {LONG}X\n\n", "text/event-stream"),
        (LONG.encode() + b"\0X", "image/png"),
        (f"[{LONG}X", JSON),  # not JSON
    ],
)
def test_wide_values_are_shown_where_they_differ(body: bytes | str, content_type: str) -> None:
    theirs = body.replace(b"X", b"Y") if isinstance(body, bytes) else body.replace("X", "Y")
    for finding in compared(body, theirs, content_type):
        assert "X" in finding.baseline
        assert "Y" in finding.candidate
        assert len(finding.baseline) < 150


def test_a_masked_text_is_shown_where_the_unmasked_part_differs() -> None:
    texts = [f"at {number} {LONG} tea" for number in range(3)]
    [finding] = compared(texts[0], texts[2].replace("tea", "coffee"), "text/plain", again=(texts[1],))
    assert finding.baseline.endswith(" tea")
    assert finding.candidate.endswith(" coffee")


def test_a_binary_body_is_shown_by_size_and_digest() -> None:
    [finding] = compared(b"\0one", b"\0other", "image/png")
    assert re.fullmatch(r"4 bytes, sha256 [0-9a-f]{12}: \\x00one", finding.baseline)
    assert finding.candidate.startswith("6 bytes, sha256 ")


ENCODERS = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}


def encoded(body: bytes, encoding: str) -> Response:
    return response(body, JSON, ("content-encoding", encoding))


@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_body_that_cannot_be_decoded_to_its_end_breaks_clients(encoding: str) -> None:
    whole = ENCODERS[encoding](b"{}" * 50)
    cut = whole[:-1]
    [finding] = compare_responses(GET, encoded(whole, encoding), encoded(cut, encoding))
    assert (finding.kind, finding.aspect, finding.severity) == ("body", "type", "breaks")
    assert "cut off" in finding.candidate
    [finding] = compare_responses(GET, encoded(cut, encoding), encoded(whole, encoding))
    assert finding.severity == "changes"
    [finding] = compare_responses(GET, encoded(cut, encoding), encoded(b"x" + cut, encoding))
    assert finding.aspect == "value"
    baseline = [encoded(cut, encoding)]
    assert cover(GET, baseline, (), find_noise(GET, baseline, ())).compared == "not compared"


@pytest.mark.parametrize("name", ["etag", "digest", "content-digest", "repr-digest", "content-md5"])
def test_a_digest_of_a_body_that_differs_shows_nothing_new(name: str) -> None:
    def served_with(body: str, digest: str | None) -> Response:
        return response(body, JSON, *(() if digest is None else ((name, digest),)))

    def headers(ours: Response, theirs: Response) -> list[str]:
        return [each.kind for each in compare_responses(GET, ours, theirs) if each.kind == "header"]

    assert headers(served_with("1", "a"), served_with("2", "b")) == []
    assert headers(served_with("1", "a"), served_with("2", None)) == ["header"]
    assert headers(served_with("1", "a"), served_with("1", "b")) == ["header"]


@pytest.mark.parametrize(
    ("content_type", "bodies", "omitted"),
    [
        (JSON, ['{"a": 1}'], ()),
        (JSON, ['{"a": 1, "b": 2}', '{"b": 2, "a": 1}'], ()),
        ("", [""], ()),
        (JSON, ['{"a": 1, "b": 1}', '{"a": 2, "b": 1}'], ("/a",)),
        (JSON, ['{"now": 1}', '{"now": 2}'], ("/now",)),
        (JSON, ['{"a": {"now": 1}}', '{"a": {"now": "x"}}'], ("/a/now",)),
        (JSON, ["[1]", "[1, 2]"], ("the whole JSON",)),  # but for the type of its elements
        (JSON, ['[{"a": 1, "t": 1}, {"a": 2, "t": 2}]', '[{"a": 1, "t": 3}, {"a": 2, "t": 4}]'], ("/*/t",)),
        (HTML, ["<p id=1>a</p>", "<p id=2>a</p>"], ("/html/body/p/@id",)),
        (HTML, ["<p>1<p>2<p>a<p>b", "<p>3<p>4<p>a<p>b"], ("/html/body/p[*]/text()",)),
    ],
)
def test_a_body_is_compared_but_for_the_places_that_differ_by_themselves(
    content_type: str, bodies: list[str], omitted: tuple[str, ...]
) -> None:
    coverage = covered(content_type, *bodies)
    assert (coverage.compared, coverage.omitted) == ("in part" if omitted else "in full", omitted)
    assert coverage.reason == ""


@pytest.mark.parametrize(("body", "flaw"), [('{"a": NaN}', INVALID_JSON), ('{"a": "NaN"}', ""), ("1", "")])
def test_json_that_no_browser_reads_is_compared_and_said_to_be_flawed(body: str, flaw: str) -> None:
    assert covered(JSON, body).compared == "in full"
    assert find_flaw(response(body, JSON)) == flaw


@pytest.mark.parametrize(
    ("content_type", "bodies"),
    [
        (JSON, ["1", "2"]),
        (JSON, ["[1]", "text"]),
        (HTML, ["<title>a</title><p>1", "<title>b</title><p>2"]),
        ("image/png", [b"a", b"b"]),
        ("text/plain", ["1", "2"]),
        ("text/plain", ["1\n2", "3\n4\n5"]),
        (JSON, ["[" * 200 + str(number) + "]" * 200 for number in range(2)]),
    ],
)
def test_a_body_of_which_over_half_differs_by_itself_was_not_compared(
    content_type: str, bodies: list[str]
) -> None:
    coverage = covered(content_type, *bodies)
    assert coverage.compared == "not compared"
    assert coverage.reason.startswith("the body differs between two responses of the baseline")
    assert ("deeper" in coverage.reason) is ("[[" in str(bodies[0]))


def test_headers_that_differ_by_themselves_are_left_out() -> None:
    baseline = [response("a", "", ("x-id", str(number))) for number in range(2)]
    coverage = cover(GET, baseline, (), find_noise(GET, baseline, ()))
    assert (coverage.compared, coverage.omitted) == ("in part", ("X-Id",))
