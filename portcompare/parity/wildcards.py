"""Patterns of the plan."""

from __future__ import annotations

import re


def fits(pattern: str, text: str) -> bool:
    """Whether a text is what a pattern says.

    Args:
        pattern: `*` stands for anything and all else for itself: names of cases and paths have `?` and `[`.
        text: The text.

    Returns:
        True if it is.
    """
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None
