"""Odd values: what a parameter or a path segment hardly ever holds, and frameworks read differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN = "portcompare"
"""A name or a value that no app knows."""

LONG = "x" * 3000

MUCH = "x" * 600_000
"""More than what Werkzeug keeps of a form in memory by default, 500 kB; less than what proxies let pass."""

# Percent-encoded as they stand in a target. Zeros wherever a number may be understood: a route that waits
# as long as it is asked to, or lists as many things, is not kept busy by its mistakes.
_ALONE = {
    "text": UNKNOWN,
    "negative": "-1",
    "beyond 32 bits": "2147483648",
    "beyond 64 bits": "18446744073709551616",
    "beyond a double": "1e309",
    "nan": "nan",
    "infinite": "inf",
    "hexadecimal": "0x0",
    "grouped digits": "0_0",
    "decimal comma": "0,0",
    "other digits": "%D9%A0",
    "full-width digits": "%EF%BC%90",
    "true": "true",
    "null": "null",
    "blank": "%20",
    "quote": "%27",
    "double quote": "%22",
    "markup": "%3Cb%3E",
    "JSON": "%7B%22x%22%3A1%7D",
    "JSON list": "%5B0%5D",
    "escaped twice": "%2530",
    "letters beyond ASCII": "%C3%A9%E2%82%AC",
    "beyond 16 bits": "%F0%9F%98%80",
    "combining letters": "e%CC%81",
    "not UTF-8": "%FF",
    "cut UTF-8": "%C3",
    "overlong UTF-8": "%C0%AF",
    "surrogate": "%ED%A0%80",
    "right to left": "%E2%80%AE",
    "long": LONG,
    "long number": "9" * 3000,
}

# What comes before and after the value that was there.
_AROUND = {
    "blank before": ("%20", ""),
    "blank after": ("", "%20"),
    "plus sign before": ("%2B", ""),
    "minus sign before": ("-", ""),
    "zero before": ("0", ""),
    "tab after": ("", "%09"),
    "line feed after": ("", "%0A"),
    "carriage return and line feed after": ("", "%0D%0A"),
    "NUL after": ("", "%00"),
    "point zero after": ("", ".0"),
    "exponent after": ("", "e0"),
    "comma after": ("", ","),
    "slash after": ("", "%2F"),
}


def odd_values(value: str) -> Iterator[tuple[str, str]]:
    """What may stand in place of a value.

    Args:
        value: The value, percent-encoded.

    Yields:
        What is odd, and the percent-encoded value.
    """
    yield from _ALONE.items()
    for what, (before, after) in _AROUND.items():
        yield what, before + value + after
