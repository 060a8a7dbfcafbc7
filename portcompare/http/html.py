"""HTML read as browsers read it, by lexbor, into a tree of what clients can tell apart."""

import re
from collections.abc import Iterator
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from portcompare.http.trees import (
    COMMENT,
    DOCTYPE,
    MOST_DEPTH,
    MOST_VALUES,
    TEXT,
    Element,
    Tree,
    UnreadableError,
    make_element,
)

# Around these, and at their edges, a browser shows no blank; those not shown at all are among them.
_BLOCKS: Final = frozenset(
    re.findall(
        r"\w+",
        "html head body address article aside base blockquote br caption center col colgroup dd details "
        "dialog div dl dt fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup "
        "hr legend li link main menu meta nav noscript ol optgroup option p pre script search section style "
        "summary table tbody td template tfoot th thead title tr ul",
    )
)
_VERBATIM: Final = frozenset(["pre", "textarea", "script", "style", "listing", "xmp"])

# lexbor takes quadratic time for what is nested very deep, and for elements of very many attributes. Elements
# whose end tag may be left out do not nest by themselves.
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][^\s/>]*+)[^<>]*?(/?)>")
_NOT_NESTED: Final = frozenset(
    re.findall(
        r"\w+",
        "area base br col dd dt embed hr img input li link meta option optgroup p param rp rt source tbody "
        "td tfoot th thead tr track wbr",
    )
)
_MANY_ATTRIBUTES: Final = re.compile(
    r"<[a-zA-Z][^\s<>]*+(?:\s++[^\s=<>]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'<>]++))?+){500}"
)
_BLANKS: Final = re.compile(r"[ \t\n\r\f]+")
_DOCTYPE: Final = re.compile(r"\s*(?:<!--.*?-->\s*)*<!doctype\s+([^>]*)>", re.IGNORECASE | re.DOTALL)


def read_html(text: str) -> Tree:
    """Read a page; raises UnreadableError if it is nested too deep or too large."""
    if text.count("<") > MOST_VALUES:
        raise UnreadableError(f"it has more than {MOST_VALUES:,} tags")
    if _nests_too_deep(text) or _MANY_ATTRIBUTES.search(text):
        raise UnreadableError("it is nested too deep, or has too many attributes")
    root = LexborHTMLParser(text).root
    doctype = _DOCTYPE.match(text)
    tree: dict[str, Tree] = {} if doctype is None else {DOCTYPE: " ".join(doctype[1].split()).lower()}
    return tree if root is None else tree | {"html": _read_element(root, 0)}


def _nests_too_deep(text: str) -> bool:
    depth = 0
    for tag in _TAG.finditer(text):
        if tag[2].lower() not in _NOT_NESTED and not tag[3]:
            depth = max(depth - 1, 0) if tag[1] else depth + 1
            if depth > 5 * MOST_DEPTH:
                return True
    return False


def _read_element(node: LexborNode, depth: int) -> Element:
    if depth > MOST_DEPTH:
        raise UnreadableError(f"it is nested deeper than {MOST_DEPTH} levels")
    attributes = ((name, value or "") for name, value in node.attributes.items())
    return make_element(attributes, _read_children(node, depth))


def _read_children(node: LexborNode, depth: int) -> Iterator[tuple[str, Tree]]:
    """Texts and elements; texts that only a comment separates are one, comments come last."""
    tag = node.tag or ""
    is_verbatim, after_block = tag in _VERBATIM, tag in _BLOCKS
    pending = ""
    comments = []
    for child in node.iter(include_text=True):
        if child.is_text_node:
            pending += child.text_content or ""
        elif child.is_comment_node:
            comments.append((COMMENT, child.comment_content or ""))
        elif child.is_element_node:
            name = child.tag or ""
            is_block = name in _BLOCKS
            yield from _shown(
                pending, after_block=after_block, before_block=is_block, is_verbatim=is_verbatim
            )
            yield name, _read_element(child, depth + 1)
            pending, after_block = "", is_block
    if tag == "template":
        pending += "".join(fragment.html or "" for fragment in node.template_fragments() or ())
    yield from _shown(pending, after_block=after_block, before_block=tag in _BLOCKS, is_verbatim=is_verbatim)
    yield from comments


def _shown(
    text: str, *, after_block: bool, before_block: bool, is_verbatim: bool
) -> Iterator[tuple[str, Tree]]:
    if not is_verbatim:
        text = _BLANKS.sub(" ", text)
        text = text.lstrip(" ") if after_block else text
        text = text.rstrip(" ") if before_block else text
    if text:
        yield TEXT, text
