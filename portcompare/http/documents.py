"""Bodies read into trees, each by its format."""

import codecs
import csv
import re
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from typing import Final
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

from portcompare.http.html import read_html
from portcompare.http.shapes import compare_trees
from portcompare.http.trees import (
    ABSENT,
    MOST_DEPTH,
    MOST_VALUES,
    TEXT,
    Children,
    Tree,
    UnreadableError,
    check_size,
    is_comment,
    load_json,
    make_element,
)
from portcompare.records.requests import Expectation, Format, FormatName

_MEDIA_TYPES: Final[dict[str, FormatName]] = {
    "application/json": "json",
    "application/x-ndjson": "records",
    "application/ndjson": "records",
    "application/jsonl": "records",
    "application/json-lines": "records",
    "application/json-seq": "records",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/x-www-form-urlencoded": "form",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "text/event-stream": "events",
}
_BINARY: Final = re.compile(
    r"(image/(?!svg)|audio/|video/|font/|application/(pdf|zip|gzip|octet-stream)\b).*"
)
_SNIFFED: Final[tuple[tuple[re.Pattern[bytes], FormatName], ...]] = (
    (re.compile(rb"(\xef\xbb\xbf)?\s*[\[{]"), "json"),
    (re.compile(rb"\s*[\[{]"), "records"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)*<(!doctype )?html", re.IGNORECASE | re.DOTALL), "html"),
    (re.compile(rb"(\xef\xbb\xbf)?<\?xml "), "xml"),
)
_META_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w-]+)", re.IGNORECASE)


def parse_media_type(value: str) -> tuple[str, dict[str, str]]:
    """The media type of a Content-Type, and its parameters; a charset by its usual name."""
    media_type, *rest = value.split(";")
    parameters = {}
    for part in rest:
        name, _, given = part.partition("=")
        name, given = name.strip().lower(), given.strip().strip('"')
        if name == "charset":
            given = _known_charset(given) or given.lower()
        if name:
            parameters[name] = given
    return media_type.strip().lower(), parameters


def _known_charset(name: str) -> str | None:
    try:
        known = codecs.lookup(name)
    except (LookupError, ValueError):  # unknown, or not a name
        return None
    return known.name if known._is_text_encoding else None  # noqa: SLF001 - not base64 or the like


def detect_format(content: bytes, content_type: str | None) -> Format:
    """How a body is to be read: as its Content-Type says if it can be, or else by what it looks like."""
    media_type, parameters = parse_media_type(content_type or "")
    charset = _known_charset(parameters.get("charset", "")) or "utf-8"
    said = _MEDIA_TYPES.get(media_type)
    if media_type.endswith("+json"):
        said = "json"
    elif media_type.endswith("+xml") and said is None:
        said = "xml"
    if said == "html":
        found = _META_CHARSET.search(content[:1024])
        if found and "charset" not in parameters:
            charset = _known_charset(found[1].decode()) or charset
        if b"<" not in content:
            said = None  # it is Flask's media type by default
    note = ""
    looks_like: list[FormatName] = [name for pattern, name in _SNIFFED if pattern.match(content)]
    is_text = b"\0" not in content and not _BINARY.fullmatch(media_type)
    first: list[FormatName] = [said] if said else []
    last: list[FormatName] = [] if not is_text else ["lines"] if b"\n" in content.rstrip() else ["text"]
    for name in dict.fromkeys((*first, *looks_like, *last)):
        try:
            read_tree(content, Format(name=name, charset=charset))
        except UnreadableError as unreadable:
            note = note or str(unreadable)
        else:
            return Format(name=name, charset=charset, note=note if said else "")
    return Format(name="binary", note=note if said or looks_like else "")


def read_tree(content: bytes, form: Format) -> Tree:
    """Read a body as one format; an empty one is absent, whatever its format.

    Raises UnreadableError: it is not of this format, or too large or nested too deep for a tree.
    """
    if form.name == "binary" or not content:
        return content or ABSENT
    if form.name == "json":  # always UTF-8, UTF-16 or UTF-32 (RFC 8259)
        return _load(content)
    charset = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), form.charset)
    try:
        text = content.decode(charset, "strict" if form.name in ("lines", "text") else "backslashreplace")
    except UnicodeError:
        raise UnreadableError(f"it is not {charset}") from None
    return check_size(_READERS[form.name](text))


def matches(expected: Expectation, approved: Tree, content: bytes) -> bool:
    """Whether a decoded body means the same as the approved one, but for comments and the masks."""
    try:
        tree = read_tree(content, expected.format or Format(name="binary"))
    except UnreadableError:
        return False
    is_html = expected.format is not None and expected.format.name == "html"
    return all(is_html and is_comment(gap.pointer) for gap in compare_trees(approved, tree, expected.masks))


_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _load(text: str | bytes) -> Tree:
    try:
        return load_json(text, MOST_VALUES)
    except UnreadableError:
        raise
    except ValueError as error:
        raise UnreadableError(f"it is not JSON: {error}") from None


def _read_records(text: str) -> Tree:
    """Lines of JSON, or a sequence (RFC 7464)."""
    records = [part for part in re.split("\x1e" if "\x1e" in text else "\n", text) if part.strip()]
    if not records:
        raise UnreadableError("it has no records")
    return [_load(record) for record in records]


def _read_rows(text: str, delimiter: str) -> Tree:
    try:
        return list(csv.reader(StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UnreadableError(f"it cannot be read as rows: {error}") from None


def _read_events(text: str) -> Tree:
    """The events of a stream, as HTML (section 9.2.6) has them; data that is JSON is read as such."""
    events: list[Tree] = []
    for block in re.split(r"\n\n+", re.sub(r"\r\n?", "\n", text)):
        fields: dict[str, list[str]] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            if name:
                fields.setdefault(name, []).append(value.removeprefix(" "))
        event: dict[str, Tree] = {name: "\n".join(values) for name, values in fields.items()}
        if "data" in event:
            with suppress(UnreadableError):
                event["data"] = _load(event["data"])
        if event:
            events.append(event)
    return events


def _read_xml(text: str) -> Tree:
    declared = re.compile(r"\s*<\?xml[^>]*\?>")  # with an encoding, of which text has none
    try:
        root = ET.fromstring(declared.sub("", text, count=1))  # noqa: S314 - expat fetches nothing
    except ET.ParseError as error:
        raise UnreadableError(f"it is not XML: {error}") from None
    namespace, name = _xml_name(root.tag)
    return {name: _xml_element(root, namespace, 0)}


def _xml_name(tag: str) -> tuple[str, str]:
    namespace, _, name = tag.rpartition("}")
    return namespace.removeprefix("{"), name


def _xml_element(node: ET.Element, namespace: str, depth: int) -> Tree:
    """An element; its namespace, where it is not that of the root, is one of the attributes."""
    if depth > MOST_DEPTH:
        raise UnreadableError(f"it is nested deeper than {MOST_DEPTH} levels")
    attributes = [(_xml_name(name)[1], value) for name, value in node.items()]
    own, _ = _xml_name(node.tag)
    if not depth or own != namespace:
        attributes.append(("xmlns", own))
    children: list[tuple[str, Tree]] = [(TEXT, node.text or "")]
    for child in node:
        children.append((_xml_name(child.tag)[1], _xml_element(child, namespace, depth + 1)))
        children.append((TEXT, child.tail or ""))
    # Blanks between elements are indentation.
    return make_element(attributes, (each for each in children if each[0] != TEXT or each[1].strip()))


_READERS: Final[dict[FormatName, Callable[[str], Tree]]] = {
    "records": _read_records,
    "html": read_html,
    "xml": _read_xml,
    "form": lambda text: parse_qs(text, keep_blank_values=True),
    "csv": lambda text: _read_rows(text, ","),
    "tsv": lambda text: _read_rows(text, "\t"),
    "events": _read_events,
    "lines": lambda text: {"line": Children(text.splitlines(keepends=True))},
    "text": lambda text: text,
}
