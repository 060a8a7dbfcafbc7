"""Writing TOML with a comment above each key, in the words of the plan's own list of keys."""

from __future__ import annotations

import json
import textwrap
from functools import cache
from typing import TYPE_CHECKING

from portcompare.plan import plan_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDTH = 100

Value = str | int | float | list[str] | list[int]


def comment(*paragraphs: str) -> list[str]:
    """Text as comment lines.

    Args:
        paragraphs: Each begins a line; a line break inside one stays.

    Returns:
        The lines.
    """
    # TOML allows no control characters, and errors can hold any.
    shown = [
        "".join(each if each.isprintable() or each == "\n" else " " for each in text) for text in paragraphs
    ]
    lines = [line for text in shown for part in text.splitlines() for line in textwrap.wrap(part, _WIDTH)]
    return [f"# {line}" for line in lines]


def switched_off(lines: Iterable[str]) -> list[str]:
    """Lines that do nothing until their "#" is removed.

    Args:
        lines: The lines.

    Returns:
        Them, commented out.
    """
    return [f"# {line}".rstrip() for line in lines]


def entry(key: str, value: Value, *more: str) -> list[str]:
    """A key with its comment.

    Args:
        key: Its path as `plan_keys` has it, `apps.NAME.target`.
        value: Its value.
        more: What is to be said beside what the list of keys says.

    Returns:
        The lines.
    """
    return [*comment(describe(key), *more), f"{key.rpartition('.')[2]} = {toml(value)}"]


def describe(key: str) -> str:
    """What the list of the plan's keys says of a key.

    Args:
        key: Its path.

    Returns:
        Meaning and unit.
    """
    return _descriptions()[key]


def toml(value: Value) -> str:
    """A value as TOML writes it.

    Args:
        value: The value.

    Returns:
        Its text; JSON's is the same for what plans hold.
    """
    return json.dumps(value, ensure_ascii=False)


@cache
def _descriptions() -> dict[str, str]:
    return {key.path: key.description for key in plan_keys()}
