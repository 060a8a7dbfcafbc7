"""What is found by varying the load: knees, capacities, and where a candidate begins to win."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from portcompare.records.estimates import Estimate

Outcome = Literal["kept", "missed", "unknown"]
CellState = Literal["wins", "loses", "equal", "undecided", "not measured"]

RESOLUTION = 1.05
"""A search for a capacity ends when the lowest rate that failed is at most this many times the highest that
kept the objective."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knee:
    """The load beyond which more of it brings no more rate."""

    scenario: str  # Name of the scenario
    arm: str  # Name of the arm
    levels: int  # How many levels it rests on
    load: Estimate  # In the levels' unit; where the ceiling was not reached, the highest level measured
    rate_rps: float  # The ceiling: the highest of the levels' median rates
    is_reached: bool  # False if more load still brought rate at the highest level: the knee lies further up


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One round of a search."""

    rate_rps: float  # The rate that was tried
    outcome: Outcome  # Whether the objective was kept
    discarded: str | None = None  # Why that is not known; None if it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """The highest rate that keeps an objective, as the rounds of one arm in one block narrow it down."""

    kept_rps: float | None = None  # The highest rate that kept it; None if none did
    failed_rps: float | None = None  # The lowest rate that twice did not; None if none did
    failed_for: Outcome | None = None  # Why: "missed", or "unknown" where no round there could be judged
    failed_why: str | None = None  # Why they could not be judged; None if they could, or if it is not known
    doubtful_rps: float | None = None  # The rate tried last that did not keep it once; None if settled
    is_over: bool = False  # Whether the search found nothing more to try

    @property
    def estimate_rps(self) -> float | None:
        """The capacity that a search found.

        It is the middle of the bracket; the highest rate that kept the objective if something else than the
        server ended the search; None if no rate did, or the search did not come to its end.
        """
        if self.kept_rps is None:
            return None
        if self.failed_rps is not None and self.failed_rps <= self.kept_rps * RESOLUTION:
            return sqrt(self.kept_rps * self.failed_rps) if self.failed_for == "missed" else self.kept_rps
        return self.kept_rps if self.is_over else None

    @property
    def is_at_least(self) -> bool:
        """Whether the capacity may be higher than the estimate: something else than the server ended it."""
        return self.estimate_rps is not None and self.failed_for != "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The highest rate at which an arm keeps a scenario's objective."""

    scenario: str  # Name of the scenario
    arm: str  # Name of the arm
    rate_rps: Estimate  # The capacity
    is_at_least: bool  # True if something else than the server ended a search: the capacity may be higher
    ratio: Estimate | None  # Divided by the baseline's; None for the baseline

    @property
    def compared(self) -> Estimate:
        """Its ratio to the baseline's; one without a point for the baseline's own."""
        return self.ratio or Estimate()

    @property
    def reason(self) -> str:
        """Why the capacity and the verdict on its ratio are what they are."""
        return self.rate_rps.reason if self.ratio is None else f"{self.rate_rps.reason}; {self.ratio.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEvenCell:
    """One delay and one number of users: candidate against baseline in throughput."""

    delay_s: float  # The delay
    users: int  # The users
    ratio: Estimate  # Candidate divided by baseline
    # Where the interval lies: "equal" wholly inside the equivalence margin, else "wins" wholly above 1,
    # "loses" wholly below, "undecided" around it
    state: CellState
    # Of a cell without a ratio, whether its nearest neighbours on both sides win (True) or do not (False);
    # None where they disagree or are not known
    implied: bool | None

    @property
    def is_win(self) -> bool | None:
        """Whether the candidate wins here, as measured or implied; None if neither is known."""
        return self.implied if self.ratio.point is None else self.state == "wins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """Where a candidate begins to win at one delay."""

    delay_s: float  # The delay
    # The fewest users from which on every cell wins; None if that of the most users does not, or is not known
    wins_from_users: int | None
    not_at_users: int | None  # The most users below that at which a cell does not win; None if there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """Where a candidate begins to win, over delay and users."""

    candidate: str  # Name of the candidate; "control" for the control
    cells: tuple[BreakEvenCell, ...]  # The grid: by delay, and for each delay by users, both rising
    borders: tuple[Border, ...]  # One for each delay


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeps:
    """All that was found by varying the load."""

    knees: tuple[Knee, ...] = ()  # Of the scenarios with three levels or more
    capacities: tuple[Capacity, ...] = ()  # Of the scenarios with an objective
    # Of a plan with [break_even]: a grid for each arm but the baseline
    break_even: tuple[BreakEven, ...] = ()
