"""Comparing trees, and masking what differs by itself: of it only the shape is compared."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from portcompare.http.trees import (
    ABSENT,
    COMMENT,
    DOCTYPE,
    Children,
    Element,
    Order,
    Tree,
    element_pointer,
    json_type,
    member_pointer,
)
from portcompare.records.requests import Shape

ANY_KEY: Final = "any()"
Masks = Mapping[str, Shape]  # by pointer; ANY_KEY below an object stands for the members whose keys differ
Aspect = Literal["presence", "type", "value"]

# A date with its time is one token, or its day would be compared until midnight; else tokens end at blanks
# and at what encloses or separates values.
_TOKEN: Final = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d[^\s\"'<>()\[\]{},;=&?#|]*|\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT"
    r"|[^\s\"'<>()\[\]{},;=&?#|]+|\s+|."
)
_MOST_TOKENS_CHARS: Final = 20_000

# So many baseline responses that each have keys of their own show that keys are values there.
_FEW_RESPONSES_WITH_OWN_KEYS: Final = 2


@dataclass(frozen=True, slots=True)
class Gap:
    """A place in which two trees differ."""

    pointer: str
    aspect: Aspect
    ours: Tree  # ABSENT, or a Shape where the value is masked
    theirs: Tree


def compare_trees(ours: Tree, theirs: Tree, masks: Masks, pointer: str = "") -> Iterator[Gap]:
    """Find where two trees differ in meaning.

    Numbers are compared by value, so 1 and 1.0 are alike; the order of keys means nothing; elements of arrays
    are compared by index, children of an element among those of their name.
    """
    if pointer in masks:
        yield from compare_shape(theirs, masks[pointer], pointer)
    elif isinstance(ours, Element | Children) and ours == theirs:
        return  # the quick way, which is closed to JSON: to Python 1, 1.0 and true are equal
    elif json_type(ours) != json_type(theirs):
        is_presence = ours is ABSENT or theirs is ABSENT
        yield Gap(pointer, "presence" if is_presence else "type", ours, theirs)
    elif isinstance(ours, dict):
        yield from _compare_members(ours, theirs, masks, pointer)
    elif isinstance(ours, list):
        for index in range(max(len(ours), len(theirs))):
            one, other = (each[index] if index < len(each) else ABSENT for each in (ours, theirs))
            yield from compare_trees(one, other, masks, element_pointer(pointer, index, ours))
    elif not _is_same(ours, theirs):
        yield Gap(pointer, "value", ours, theirs)


def _compare_members(
    ours: Mapping[str, Tree], theirs: Mapping[str, Tree], masks: Masks, pointer: str
) -> Iterator[Gap]:
    others = masks.get(f"{pointer}/{ANY_KEY}")
    for key in dict.fromkeys((*ours, *theirs)):
        one, other = _pair(ours, theirs, key)
        below = member_pointer(pointer, key, one)
        if isinstance(one, Order) or isinstance(other, Order):
            # Where children are missing or more, that is found by itself.
            names = [Counter(each.split()) for each in (one, other) if each is not ABSENT]
            if len(names) > 1 and names[0] == names[1] and one != other and below not in masks:
                yield Gap(below, "value", one, other)
        elif others is None or below in masks or key in others.always:
            yield from compare_trees(one, other, masks, below)
        elif other is not ABSENT and others.items is not None:
            yield from compare_shape(other, others.items, f"{pointer}/*")


def _pair(ours: Mapping[str, Tree], theirs: Mapping[str, Tree], key: str) -> tuple[Tree, Tree]:
    """The members of two objects; children are absent one by one."""
    one, other = ours.get(key, ABSENT), theirs.get(key, ABSENT)
    if isinstance(one, Children) and other is ABSENT:
        other = Children()
    elif isinstance(other, Children) and one is ABSENT:
        one = Children()
    return one, other


def _is_same(one: Tree, other: Tree) -> bool:
    return bool(one == other) or (one != one and other != other)  # noqa: PLR0124 - NaN, which JSON does not have


def compare_shape(value: Tree, shape: Shape, pointer: str) -> Iterator[Gap]:
    """Find where a value has not the shape of those that differ by themselves."""
    kind = json_type(value)
    if kind not in shape.types:
        yield Gap(pointer, "presence" if value is ABSENT else "type", shape, value)
    elif isinstance(value, dict):
        yield from _compare_member_shapes(value, shape, pointer)
    elif isinstance(value, list) and shape.items is not None:
        found: dict[tuple[str, Aspect], Gap] = {}
        for element in value:
            for gap in compare_shape(element, shape.items, element_pointer(pointer, None, value)):
                found.setdefault((gap.pointer, gap.aspect), gap)
        yield from found.values()
    elif isinstance(value, str) and shape.text:
        tokens = _TOKEN.findall(value)
        is_alike = len(tokens) == len(shape.text) and all(
            known in (None, token) for known, token in zip(shape.text, tokens, strict=True)
        )
        if not is_alike:
            yield Gap(pointer, "value", shape, value)


def _compare_member_shapes(value: Mapping[str, Tree], shape: Shape, pointer: str) -> Iterator[Gap]:
    for key in dict.fromkeys((*shape.always, *value)):
        member = value.get(key, ABSENT)
        known = shape.members.get(key, shape.items)
        is_group = known is not None and "children" in known.types
        below = member_pointer(pointer, key, Children() if is_group else member)
        if known is not None:
            yield from compare_shape(member, known, below)
        elif key != COMMENT and not isinstance(member, Order):
            yield Gap(below, "presence", ABSENT, member)


def learn_masks(trees: Sequence[Tree]) -> dict[str, Shape]:
    """What differs among trees that should be alike, each at the smallest place that holds it."""
    return dict(_learn(trees, ""))


def _learn(values: Sequence[Tree], pointer: str) -> Iterator[tuple[str, Shape]]:
    first = values[0]
    if len({json_type(value) for value in values}) > 1:
        yield pointer, _shape_of(values)
    elif isinstance(first, dict):
        yield from _learn_members(values, pointer)
    elif isinstance(first, list):
        if len({len(value) for value in values}) > 1:
            yield pointer, _shape_of(values)
            return
        for index in range(len(first)):
            yield from _learn([value[index] for value in values], element_pointer(pointer, index, first))
    elif not all(_is_same(first, value) for value in values):
        yield pointer, Shape(types=(json_type(first),), text=_common_tokens(values))


def _learn_members(objects: Sequence[dict[str, Tree]], pointer: str) -> Iterator[tuple[str, Shape]]:
    has_key = Counter(key for each in objects for key in each)
    always = tuple(key for key, number in has_key.items() if number == len(objects))
    groups = {key for each in objects for key, value in each.items() if isinstance(value, Children)}
    own = [[key for key in each if has_key[key] == 1 and key not in groups] for each in objects]
    if sum(map(bool, own)) >= _FEW_RESPONSES_WITH_OWN_KEYS:
        others = [each[key] for each in objects for key in each if key not in always and key not in groups]
        yield f"{pointer}/{ANY_KEY}", Shape(types=("object",), always=always, items=_shape_of(others))
        has_key = Counter({key: has_key[key] for key in (*always, *groups)})
    for key in has_key:
        empty = Children() if key in groups else ABSENT
        values = [each.get(key, empty) for each in objects]
        if any(isinstance(value, Order) for value in values):
            values = [str(value) for value in values]  # where children are missing, that is masked by itself
        yield from _learn(values, member_pointer(pointer, key, values[0]))


def _shape_of(values: Sequence[Tree]) -> Shape:
    """The shape that fits all values."""
    objects = [value for value in values if isinstance(value, dict)]
    elements = [element for value in values if isinstance(value, list) for element in value]
    keys = dict.fromkeys(
        key for each in objects for key, value in each.items() if not isinstance(value, Order)
    )
    return Shape(
        types=tuple(sorted({json_type(value) for value in values})),
        members={key: _shape_of([each[key] for each in objects if key in each]) for key in keys},
        always=tuple(key for key in keys if all(key in each for each in objects)),
        items=_shape_of(elements) if elements else None,
    )


def _common_tokens(values: Sequence[Tree]) -> tuple[str | None, ...]:
    """The tokens of texts, None for those that differ; empty if they share no word."""
    if not all(isinstance(value, str) and len(value) <= _MOST_TOKENS_CHARS for value in values):
        return ()
    texts = [_TOKEN.findall(value) for value in values]
    if len({len(tokens) for tokens in texts}) > 1:
        return ()
    common = [each[0] if len({*each}) == 1 else None for each in zip(*texts, strict=True)]
    has_word = any(token is not None and re.search(r"\w", token) for token in common)
    return tuple(common) if has_word else ()


def fill_tokens(shape: Shape, text: str) -> str:
    """The text that a shape has in common, with what another text has where it differs by itself."""
    tokens = _TOKEN.findall(text)
    theirs = tokens if len(tokens) == len(shape.text) else ["*"] * len(shape.text)
    return "".join(other if known is None else known for known, other in zip(shape.text, theirs, strict=True))


_OPEN: Final = Shape(types=())


def count_leaves(tree: Tree, masks: Masks, pointer: str = "") -> tuple[int, int]:
    """How many values a tree has, and of how many nothing but the shape is compared.

    In JSON, that a member or an element is there counts as a value that is compared: of an object that only
    holds a clock, half is. The elements of HTML do not count without their texts.
    """
    is_masked = pointer in masks and not masks[pointer].text
    below: list[tuple[int, int]] = []
    if isinstance(tree, dict):
        others = masks.get(f"{pointer}/{ANY_KEY}")
        for key, value in tree.items():
            if key in (COMMENT, DOCTYPE) or isinstance(value, Order):
                continue
            place = member_pointer(pointer, key, value)
            is_other = others is not None and key not in others.always and place not in masks
            below.append(count_leaves(value, {place: _OPEN} if is_masked or is_other else masks, place))
            if not is_other and not isinstance(tree, Element) and not isinstance(value, Element | Children):
                below.append((1, 0))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            place = element_pointer(pointer, index, tree)
            below.append(count_leaves(value, {place: _OPEN} if is_masked else masks, place))
            if not isinstance(tree, Children):
                below.append((1, 0))
    if not below:
        every = int(not isinstance(tree, Element))
        return every, every if is_masked else 0
    return sum(every for every, _ in below), sum(masked for _, masked in below)
