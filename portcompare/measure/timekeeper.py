"""What the parts of a run take, and what there is still time for."""

from __future__ import annotations

import time
from collections import defaultdict
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from portcompare.measure.rounds import Place

    Level = tuple[str, float]


class Timekeeper:
    """Keeps a run within its budget.

    Attributes:
        deadline_s: When the last round must have ended, by `clock`.
        clock: Tells seconds.
        is_up: Whether a round was not begun because it would have ended too late.
        reason: Why no more is measured, in a clause; empty until it is known.
        beside_s: What each block takes beside its start and its rounds.
    """

    def __init__(self, deadline_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.deadline_s = deadline_s
        self.clock = clock
        self.is_up = False
        self.reason = ""
        self.beside_s = 0.0
        self._began_s = clock()
        self._starts_s: list[float] = []
        self._rounds_s: defaultdict[Level, list[float]] = defaultdict(list)
        self._is_first = False

    def begin_block(self) -> None:
        """Note that the servers of a block are being started."""
        self._began_s = self.clock()
        self._is_first = True

    def begin_round(self, place: Place) -> bool:
        """Note that a round is about to begin, if there is time for it.

        Args:
            place: The round.

        Returns:
            False if it would end too late, going by the longest of its scenario, or else of all.
        """
        now_s = self.clock()
        if self._is_first:
            self._starts_s.append(now_s - self._began_s)
            self._is_first = False
        longest_s = {level: max(took_s) for level, took_s in self._rounds_s.items()}
        like_it_s = [took_s for (name, _), took_s in longest_s.items() if name == place.scenario]
        self.is_up = now_s + max(like_it_s or longest_s.values(), default=0.0) > self.deadline_s
        self._began_s = now_s
        return not self.is_up

    def end_round(self, place: Place) -> None:
        """Note that a round has ended.

        Args:
            place: The round.
        """
        self._rounds_s[place.scenario, place.level].append(self.clock() - self._began_s)

    def choose(self, levels: Iterable[Level], arms: int) -> tuple[Level, ...]:
        """The levels of which another block ends in time.

        Args:
            levels: Those that are wanted, the most wanted first; each was measured before.
            arms: How many arms a block has.

        Returns:
            As many as there is time for; empty if there is none.
        """
        # The first block's start holds the comparison of the answers as well.
        left_s = self.deadline_s - self.clock() - min(self._starts_s) - self.beside_s
        chosen: list[Level] = []
        for level in levels:
            needed_s = arms * fmean(self._rounds_s[level])
            if needed_s <= left_s:
                chosen.append(level)
                left_s -= needed_s
        return tuple(chosen)
