"""Who carries a round out: this process alone, or worker processes that it leads."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol

from portcompare.loadgen.dry_pass import capture
from portcompare.loadgen.part import Part
from portcompare.loadgen.scenarios import prepare
from portcompare.loadgen.share import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from locust import User

    from portcompare.loadgen.figures import PartDone, Warm
    from portcompare.protocol import Capture, Captured, Prepare, Prepared, RunRound


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

    def capture(self, order: Capture) -> Captured:
        """See what a scenario's user class asks for; later rounds compare its answers.

        Args:
            order: Which, and who is to answer.

        Returns:
            What one user of it asked for.
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

    def close_window(self, window_s: float) -> None:
        """Have the window close earlier than was ordered.

        Args:
            window_s: When it has been open for so long.
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
        self._users: dict[str, type[User]] = {}
        self._captured: dict[str, Captured] = {}
        self._part: Part | None = None

    def prepare(self, order: Prepare) -> Prepared:
        """As in `Crew`."""
        self._users, prepared = prepare(order)
        self._captured = {}
        return prepared

    def capture(self, order: Capture) -> Captured:
        """As in `Crew`."""
        captured = self._captured[order.scenario] = capture(self._users[order.scenario], order.url)
        return captured

    def warm_up(self, order: RunRound) -> Warm:
        """As in `Crew`."""
        captured = self._captured.get(order.scenario)
        self._part = Part(order, WHOLE, self._users[order.scenario], captured)
        return self._part.warm_up()

    def measure(self, notice_s: float) -> tuple[Mapping[str, PartDone], str | None]:
        """As in `Crew`."""
        assert self._part is not None  # noqa: S101 - the load has begun
        return {f"{socket.gethostname()}/1": self._part.measure(notice_s)}, None

    def close_window(self, window_s: float) -> None:
        """As in `Crew`."""
        assert self._part is not None  # noqa: S101 - the window is open
        self._part.close_window(window_s)

    def end_round(self) -> None:
        """As in `Crew`."""
        if self._part is not None:
            self._part.end()
            self._part = None

    def dismiss(self) -> None:
        """As in `Crew`: there is nobody to dismiss."""
