"""The conditions of a run, in a form whose differences a line-by-line comparison shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.analyse.diff import list_conditions

if TYPE_CHECKING:
    from portcompare.records.results import Results


def render(results: Results) -> str:
    """Write the manifest down: `diff OLD/manifest.txt NEW/manifest.txt` shows what was not alike."""
    conditions = list_conditions(results.manifest)
    return "".join(
        f"{line}\n" for line in sorted(f"{name}: {_visible(conditions[name])}" for name in conditions)
    )


def _visible(text: str) -> str:
    """A text, with escapes for what is not printable: a line break would make two facts of one."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
