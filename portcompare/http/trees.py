"""Trees: the one kind of value into which bodies of every format are read, and pointers to their parts.

A tree is made of dict, list, str, number, bool, None and bytes. An element of HTML or XML is a dict: its
attributes as `@name`, and for each name of its children a list of them, among them `text()` and `comment()`;
`order()` has the names in the order of the children. Lines of a text are children named `line`.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

Tree = Any  # a dict, list, str, int, float, bool, None or bytes; an Element, its Children and their Order
ABSENT: Final = object()  # stands for a value that is not there

COMMENT: Final = "comment()"
DOCTYPE: Final = "doctype()"
ORDER: Final = "order()"
TEXT: Final = "text()"

MOST_DEPTH: Final = 100
MOST_VALUES: Final = 300_000  # some 5 MB of HTML; to compare them takes a second

_INDEX: Final = re.compile(r"(?<=/)(?:\d+|\*)(?=/|$)|\[[\d*]+\]")  # of an element, or of a child
_ARRAY_INDEX: Final = re.compile(r"0|[1-9][0-9]*")


class Children(list[Tree]):
    """The children of one name of an element, or the lines of a text."""


class Element(dict[str, Tree]):
    """An element of HTML or XML."""


class Order(str):
    """The names of an element's children in their order, separated by blanks."""

    __slots__ = ()


class UnreadableError(ValueError):
    """A body is not of a format, or too large or too deep to be read as one; the text says which."""


_TYPES: Final[dict[type, str]] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    Order: "string",
    bytes: "bytes",
    dict: "object",
    Element: "object",
    list: "array",
    Children: "children",
}


def load_json(text: str | bytes, most_values: float = math.inf) -> Tree:
    """Read JSON; raises ValueError if it is none, nested too deep, or has too many values."""
    try:
        return check_size(json.loads(text), most_values)
    except RecursionError:
        raise UnreadableError(f"it is nested deeper than {MOST_DEPTH} levels") from None


def check_size(tree: Tree, most_values: float = MOST_VALUES) -> Tree:
    """The tree itself; raises UnreadableError if it is nested too deep, or has too many values."""
    level, depth, values = [tree], 0, 0
    while level:
        values += len(level)
        if depth > MOST_DEPTH:
            raise UnreadableError(f"it is nested deeper than {MOST_DEPTH} levels")
        if values > most_values:
            raise UnreadableError(f"it has more than {most_values:,} values")
        below: list[Tree] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
            elif isinstance(value, list):
                below += value
        level, depth = below, depth + 1
    return tree


def make_element(attributes: Iterable[tuple[str, str]], children: Iterable[tuple[str, Tree]]) -> Element:
    """An element of its attributes and its children, each with its name."""
    element = Element((f"@{name}", value) for name, value in attributes)
    order = []
    for name, child in children:
        element.setdefault(name, Children()).append(child)
        if name != COMMENT:
            order.append(name)
    if len({*order}) > 1:
        element[ORDER] = Order(" ".join(order))
    return element


def json_type(value: Tree) -> str:
    """The name of a value's type, as JSON has it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "number that JSON does not have"
    return "absent" if value is ABSENT else _TYPES.get(type(value), "null")


def pointer_to(parent: str, key: str) -> str:
    """The JSON pointer (RFC 6901) to a member of the value at another pointer."""
    return f"{parent}/{key.replace('~', '~0').replace('/', '~1')}"


def pointer_keys(pointer: str) -> list[str]:
    """The keys and indexes that lead to the value at a JSON pointer."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def find_place(holder: Tree, key: str) -> int | str | None:
    """The key or index at which a JSON value holds a member; None if it has no such member."""
    if isinstance(holder, dict):
        return key if key in holder else None
    if isinstance(holder, list) and _ARRAY_INDEX.fullmatch(key) and int(key) < len(holder):
        return int(key)
    return None


def member_pointer(parent: str, key: str, value: Tree) -> str:
    """The pointer to a member; to children as to all of one name, `/ul/li[*]`."""
    pointer = pointer_to(parent, key)
    return f"{pointer}[*]" if isinstance(value, Children) else pointer


def element_pointer(parent: str, index: int | None, array: list[Tree]) -> str:
    """The pointer to an element of an array, or as in XPath to a child; the index None stands for any."""
    if isinstance(array, Children):
        name = parent.removesuffix("[*]")
        return parent if index is None else name if index == 0 else f"{name}[{index + 1}]"
    return f"{parent}/{'*' if index is None else index}"


def without_indexes(pointer: str) -> str:
    """A pointer to the same place of any element: the indexes left empty, `/rows//at`."""
    return _INDEX.sub("", pointer)


def fold_pointers(pointers: Iterable[str]) -> list[str]:
    """The pointers, those that differ in nothing but indexes as one: `/0/at` and `/1/at` as `/*/at`."""
    groups: dict[str, list[str]] = {}
    for pointer in pointers:
        groups.setdefault(without_indexes(pointer), []).append(pointer)
    return [
        "/".join(map(_fold, zip(*(each.split("/") for each in group), strict=True)))
        for group in groups.values()
    ]


def _fold(steps: Sequence[str]) -> str:
    first = steps[0]
    if len({*steps}) == 1:
        return first
    return "*" if first.isdecimal() else f"{first.partition('[')[0]}[*]"


def holds_non_finite(tree: Tree) -> bool:
    """Whether a number in a tree is NaN or infinite, which Python's parser accepts and JSON does not have."""
    if isinstance(tree, dict | list):
        return any(map(holds_non_finite, tree.values() if isinstance(tree, dict) else tree))
    return isinstance(tree, float) and not math.isfinite(tree)


def is_comment(pointer: str) -> bool:
    """Whether a pointer leads to a comment."""
    return pointer.rpartition("/")[2].startswith(COMMENT)


def as_text(value: Tree, pointer: str) -> str:
    """A value as people read it: JSON, an element as markup, a line or a text as it is."""
    name = re.sub(r"\[[\d*]+\]$", "", pointer.rpartition("/")[2])
    if value is ABSENT:
        return "(absent)"
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, Element):
        return "".join(_markup(name, value))
    is_markup = name in (TEXT, COMMENT, ORDER, "line", DOCTYPE) or name.startswith("@") or not pointer
    if isinstance(value, str) and is_markup:
        return value
    return json.dumps(value, ensure_ascii=False)


def _markup(name: str, element: Element) -> Iterator[str]:
    """An element as markup, its children in their order."""
    attributes = (f' {key[1:]}="{value}"' for key, value in element.items() if key.startswith("@"))
    yield f"<{name}{''.join(attributes)}>"
    children = {key: iter(value) for key, value in element.items() if isinstance(value, Children)}
    order = element.get(ORDER, " ".join(key for key in children for _ in element[key])).split(" ")
    for key in order if children else ():
        child = next(children[key], None)
        if isinstance(child, Element):
            yield from _markup(key, child)
        elif child is not None and key != COMMENT:
            yield str(child)
    yield f"</{name}>"
