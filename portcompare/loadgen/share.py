"""How the load is dealt out to the processes of a load generator: like cards, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One process's part of the load.

    Attributes:
        index: The process's number, from 0.
        processes: How many there are.
    """

    index: int
    processes: int

    def of(self, total: int) -> int:
        """How many of something this process gets.

        Args:
            total: How many all processes get together.

        Returns:
            Its number; those of two processes differ by one at most.
        """
        return len(range(self.index, total, self.processes))

    def number(self, place: int) -> int:
        """The number, among all processes, of something that this process got.

        Args:
            place: Its number in this process, from 0.

        Returns:
            From 0.
        """
        return place * self.processes + self.index


WHOLE: Final = Share(index=0, processes=1)
"""The share of a process that is alone."""
