"""Waiting between rounds, and before pages, until what a load has left in a server's queues is worked off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.serve import SETTLE_LIMIT_S, measure_idle, wait_until_settled
from portcompare.units import duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portcompare.cli.recording import Recording
    from portcompare.measure import Timekeeper
    from portcompare.plan import Plan
    from portcompare.serve import RunningServer


class Settling:
    """Knows how quickly each server of a block answers when it has nothing else to do."""

    def __init__(
        self,
        plan: Plan,
        servers: Mapping[str, RunningServer],
        recording: Recording,
        timekeeper: Timekeeper,
    ) -> None:
        """Ask the servers, which are idle; none is asked where no round is an overload and no page is loaded.

        Args:
            plan: The plan.
            servers: The servers by arm.
            recording: Told of those that stay slow.
            timekeeper: Knows when time is up.
        """
        asked = servers if plan.searches or plan.pages else {}
        self._idle_s = {arm: measure_idle(server, server.ready_target) for arm, server in asked.items()}
        self._servers = servers
        self._recording = recording
        self._timekeeper = timekeeper

    def settle(self, arm: str, scenario: str) -> None:
        """Wait until a server answers quickly again, and note if it does not.

        Args:
            arm: Whose server.
            scenario: What it was loaded with.
        """
        if arm not in self._idle_s:
            return
        left_s = self._timekeeper.deadline_s - self._timekeeper.clock()
        limit_s = min(SETTLE_LIMIT_S, left_s)
        server = self._servers[arm]
        settled = wait_until_settled(server, server.ready_target, self._idle_s[arm], limit_s)
        if not settled and limit_s != left_s:  # else nothing follows that it could slow down
            self._recording.add_warning(
                f"{arm} ({scenario}) was still slow {duration(SETTLE_LIMIT_S)} after a round: "
                "what that left in its queues may have slowed down what was measured next"
            )
