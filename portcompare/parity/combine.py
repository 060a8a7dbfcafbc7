"""The answers before and after the load, as one record."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portcompare.model import Parity


def combine_parity(before: Parity, after: Parity) -> Parity:
    """Combine two checks of the same cases.

    Args:
        before: The check before the load.
        after: The check after it.

    Returns:
        Equal only if both are; each difference and each unstable answer once.
    """
    return replace(
        before,
        equal=before.equal and after.equal,
        differences=tuple(dict.fromkeys((*before.differences, *after.differences))),
        unstable=tuple(dict.fromkeys((*before.unstable, *after.unstable))),
    )
