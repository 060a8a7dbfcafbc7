"""The plan's table that asks from which delay and how many users on a candidate wins."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from portcompare.plan.section import Count, Seconds, Section, Target


class BreakEvenGrid(Section):
    """A request whose delay can be chosen, and the delays and users over which it is measured."""

    path: Target = Field(description="path of a request that waits as long as it is told")
    parameter: str = Field("delay", min_length=1, description="its query parameter for the delay, in seconds")
    delay_s: list[Annotated[Seconds, Field(le=3600)]] = Field(
        min_length=2, description="the delays of the grid, in seconds"
    )
    users: list[Count] = Field(min_length=2, description="the numbers of users of the grid")

    @property
    def delays_s(self) -> dict[str, float]:
        """The delays in rising order, each once, by the names of their scenarios."""
        return {f"delay {delay_s:.15g} s": delay_s for delay_s in sorted(set(self.delay_s))}

    @property
    def levels(self) -> tuple[int, ...]:
        """The numbers of users in rising order, each once."""
        return tuple(sorted(set(self.users)))

    def scenarios(self, round_s: float, round_delays: float) -> dict[str, dict[str, Any]]:
        """The scenarios that the grid stands for, one for each delay.

        Args:
            round_s: Length of a round.
            round_delays: How many delays a round lasts at least.

        Returns:
            Tables as they could stand in a plan.
        """
        return {
            name: {
                "request": {"path": self.path, "query": {self.parameter: f"{delay_s:.15g}"}},
                "delay_s": delay_s,
                "seconds": max(round_s, round_delays * delay_s),
                "load": {"users": list(self.levels)},
            }
            for name, delay_s in self.delays_s.items()
        }
