"""The answers before and after the load, as one record."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.parity.check import place_of, sort_differences

if TYPE_CHECKING:
    from portcompare.differences import Parity


def combine_parity(before: Parity, after: Parity) -> Parity:
    """Combine two checks of the same cases.

    Args:
        before: The check before the load.
        after: The check after it.

    Returns:
        Equal only if both are; each difference once, as the later check has it, though the servers' addresses
        were others, and each masked place.
    """
    differences = {place_of(each): each for each in (*before.differences, *after.differences)}
    return replace(
        before,
        equal=before.equal and after.equal,
        differences=tuple(sort_differences(differences.values())),
        masked=tuple(dict.fromkeys((*before.masked, *after.masked))),
        warnings=tuple(dict.fromkeys((*before.warnings, *after.warnings))),
    )
