"""The one notation for seconds, in a query as in the environment."""

import re

# Stricter than float(), which also takes blanks, signs, underscores, nan, inf and Unicode digits.
_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def parse_seconds(text: str, maximum: float) -> float | None:
    """Read a number of seconds.

    Args:
        text: What was given.
        maximum: The largest number allowed.

    Returns:
        The seconds, or None if the text is no plain decimal number from 0 to the maximum.
    """
    if _DECIMAL.fullmatch(text) is None:
        return None
    seconds = float(text)
    return seconds if seconds <= maximum else None


def allowed_seconds(maximum: float) -> str:
    """Say what `parse_seconds` accepts."""
    return f"a plain decimal number of seconds from 0 to {maximum}"
