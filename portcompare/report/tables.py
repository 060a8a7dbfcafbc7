"""Tables in words, which every format shows in its own way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A table whose cells are words already.

    Attributes:
        title: What it shows.
        note: How to read it.
        header: The names of the columns.
        rows: The rows; the first cell names the row.
    """

    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
