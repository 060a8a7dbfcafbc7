"""Quantities as people read them; inside, all quantities are in SI units."""

import math
from collections.abc import Callable
from typing import Literal

LoadModel = Literal["closed", "open"]

LevelText = Callable[[str, float], str]  # from a scenario and its level to the level with its unit

_MILLI = 1e-3
_KIBI = 1024


def significant(value: float, digits: int = 3) -> str:
    """A number rounded to significant digits, without an exponent, with thousands separated."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    rounded = round(value, digits - 1 - magnitude)
    decimals = max(digits - 1 - math.floor(math.log10(abs(rounded))), 0)
    return f"{rounded:,.{decimals}f}"


def duration(value_s: float) -> str:
    """A duration in microseconds, milliseconds or seconds, to three significant digits."""
    value_s = float(f"{value_s:.3g}")  # first, or 0.9999 s would be shown as 1,000 ms
    if value_s < _MILLI:
        return f"{significant(value_s * 1e6)} us"
    if value_s < 1:
        return f"{significant(value_s * 1e3)} ms"
    return f"{significant(value_s)} s"


def rate(value_rps: float) -> str:
    """A rate in requests per second."""
    return f"{significant(value_rps)}/s"


def size(value_bytes: float) -> str:
    """A size in bytes, KiB, MiB or GiB."""
    if value_bytes < _KIBI:
        return f"{value_bytes:.0f} B"
    if value_bytes < _KIBI**2:
        return f"{significant(value_bytes / _KIBI)} KiB"
    if value_bytes < _KIBI**3:
        return f"{significant(value_bytes / _KIBI**2)} MiB"
    return f"{significant(value_bytes / _KIBI**3)} GiB"


def instructions(value: float) -> str:
    """A number of instructions, to five significant digits, as they repeat so well."""
    return significant(value, 5)


def level(value: float, model: LoadModel) -> str:
    """A level of a load: users, or requests per second; 0 stands for what does not depend on it."""
    if not value:
        return "any load"
    return count(value, "user") if model == "closed" else f"{count(value, 'request')}/s"


def count(number: float, noun: str) -> str:
    """A number of things, with the noun in singular or plural."""
    return f"{number:,.15g} {noun}" if number == 1 else f"{number:,.15g} {noun}s"


def ratio(value: float) -> str:
    """A ratio between two measurements."""
    return f"{significant(value)}x"


def precise_ratio(value: float) -> str:
    """A ratio between two counts, which repeat better than times."""
    return f"{significant(value, 4)}x"


def share(value: float) -> str:
    """A part of a whole, in percent."""
    return f"{significant(value * 100)}%"
