"""What to say of an unknown name."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def remedy_for_unknown(name: str, known: Iterable[str]) -> str:
    """What to do about an unknown name.

    Args:
        name: The unknown one.
        known: All known ones.

    Returns:
        A sentence that lists the known names, the nearest first.
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    listed = ", ".join(names) or "none"
    return f"did you mean {near[0]!r}? Known: {listed}" if near else f"known: {listed}"
