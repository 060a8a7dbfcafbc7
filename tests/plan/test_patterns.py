from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portcompare.plan import Plan
from portcompare.plan.types import IN_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator


def patterns_in(schema: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a JSON Schema
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        yield from (*schema.get("patternProperties", ()),)
        for value in schema.values():
            yield from patterns_in(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from patterns_in(value)


def test_what_a_text_must_look_like_is_known_in_words() -> None:
    found = set(patterns_in(Plan.model_json_schema()))
    assert found == IN_WORDS.keys()
