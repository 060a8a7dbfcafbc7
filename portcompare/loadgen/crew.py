"""Who carries a round out: this process alone, or worker processes that it leads."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol

from portcompare.loadgen.part import Part
from portcompare.loadgen.scenarios import prepare
from portcompare.loadgen.share import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portcompare.loadgen.figures import PartDone, Warm
    from portcompare.loadgen.user import LeanUser
    from portcompare.protocol import Prepare, Prepared, RunRound


class Crew(Protocol):
    """The processes that generate the load."""

    def prepare(self, order: Prepare) -> Prepared:
        """Load the scenarios.

        Args:
            order: Which, and from where.

        Returns:
            What they ask for, and what is wrong with those that cannot be had.
        """
        ...

    def warm_up(self, order: RunRound) -> Warm:
        """Begin the load, and wait until it is steady.

        Args:
            order: The round.

        Returns:
            What came of it.
        """
        ...

    def measure(self, notice_s: float) -> tuple[Mapping[str, PartDone], str | None]:
        """Open the window in all processes, and close it.

        Args:
            notice_s: It opens so long from now.

        Returns:
            What each process saw, by its name, and why the round cannot count; None if it can.
        """
        ...

    def end_round(self) -> None:
        """Stop the load; does no harm when there is none."""
        ...

    def dismiss(self) -> None:
        """Have all workers end."""
        ...


class LoneCrew:
    """This process alone."""

    def __init__(self) -> None:
        self._users: dict[str, type[LeanUser]] = {}
        self._part: Part | None = None

    def prepare(self, order: Prepare) -> Prepared:
        """As in `Crew`."""
        self._users, prepared = prepare(order)
        return prepared

    def warm_up(self, order: RunRound) -> Warm:
        """As in `Crew`."""
        self._part = Part(order, WHOLE, self._users[order.scenario])
        return self._part.warm_up()

    def measure(self, notice_s: float) -> tuple[Mapping[str, PartDone], str | None]:
        """As in `Crew`."""
        assert self._part is not None  # noqa: S101 - the load has begun
        return {f"{socket.gethostname()}/1": self._part.measure(notice_s)}, None

    def end_round(self) -> None:
        """As in `Crew`."""
        if self._part is not None:
            self._part.end()
            self._part = None

    def dismiss(self) -> None:
        """As in `Crew`: there is nobody to dismiss."""
