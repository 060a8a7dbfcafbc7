"""Comparing two JSON values, place by place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from portcompare.bodies import escaped, json_type
from portcompare.parity.findings import Finding, make_finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portcompare.parity.findings import Aspect


def compare_json(ours: object, theirs: object, pointer: str = "") -> Iterator[Finding]:
    """Find where two JSON values differ in meaning.

    Numbers count by their value, so 1 and 1.0 are alike; the order of an object's keys means nothing;
    elements of arrays are compared by their index.

    Args:
        ours: What the baseline says.
        theirs: What the other says.
        pointer: The JSON pointer (RFC 6901) to both.

    Yields:
        A finding for each place; a type that changes, and a key or element that is missing, break clients.
    """
    kind, other_kind = json_type(ours), json_type(theirs)
    if kind != other_kind:
        texts = (f"{kind} {_text(ours)}", f"{other_kind} {_text(theirs)}")
        yield make_finding("json", pointer, "type", "breaks", texts)
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        yield from _compare_parts(ours, theirs, pointer, "presence")
    elif isinstance(ours, list) and isinstance(theirs, list):
        yield from _compare_parts(_by_index(ours), _by_index(theirs), pointer, "length")
    elif ours != theirs:
        yield make_finding("json", pointer, "value", "changes", (_text(ours), _text(theirs)))


def _compare_parts(
    ours: Mapping[str, object], theirs: Mapping[str, object], pointer: str, missing: Aspect
) -> Iterator[Finding]:
    for key in dict.fromkeys((*ours, *theirs)):
        below = f"{pointer}/{escaped(key)}"
        if key not in theirs:
            yield make_finding("json", below, missing, "breaks", (_text(ours[key]), None))
        elif key not in ours:
            yield make_finding("json", below, missing, "changes", (None, _text(theirs[key])))
        else:
            yield from compare_json(ours[key], theirs[key], below)


def _by_index(array: list[object]) -> dict[str, object]:
    return {str(place): element for place, element in enumerate(array)}


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
