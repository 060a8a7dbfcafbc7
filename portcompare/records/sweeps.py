"""Frozen records of what is found by varying the load: knees, capacities, where a candidate begins to win.

They are part of `results.json`, as those of `model.py` are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from portcompare.records.metrics import Verdict

Outcome = Literal["kept", "missed", "unknown"]
CellState = Literal["wins", "loses", "equal", "undecided", "not measured"]

RESOLUTION = 1.05
"""A search for a capacity ends when the lowest rate that failed is at most this many times the highest that
kept the objective."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimated quantity.

    Attributes:
        value: The estimate.
        low: Lower end of its 95% interval; None where it cannot be told.
        high: Upper end; None where it cannot be told or there is none.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Knee:
    """The load beyond which more of it brings no more rate.

    Attributes:
        scenario: Name of the scenario.
        arm: Name of the arm.
        levels: How many levels it rests on.
        blocks: How many blocks it rests on.
        load: The knee in the levels' unit; where the ceiling was not reached, the highest level measured.
        rate_rps: The ceiling: the highest of the levels' median rates.
        is_reached: False if more load still brought rate at the highest level: the knee lies further up.
    """

    scenario: str
    arm: str
    levels: int
    blocks: int
    load: Estimate
    rate_rps: float
    is_reached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalability:
    """The Universal Scalability Law fitted to an arm's rates in the closed model.

    Attributes:
        scenario: Name of the scenario.
        arm: Name of the arm.
        levels: How many levels it rests on.
        blocks: How many blocks it rests on.
        one_user_rps: The rate of a single user, lambda.
        contention: The part of the work that is done one at a time, sigma.
        coherency: The cost of each pair of users getting in each other's way, kappa.
        residual: Root mean square of the relative deviations of the levels' rates from the law.
        peak_users: Users of the highest rate; None if the fitted law has no peak.
        peak_rps: The rate there; None without a peak.
    """

    scenario: str
    arm: str
    levels: int
    blocks: int
    one_user_rps: Estimate
    contention: Estimate
    coherency: Estimate
    residual: float
    peak_users: Estimate | None
    peak_rps: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one round of a search tells.

    Attributes:
        rate_rps: The rate that was tried.
        outcome: Whether the objective was kept.
        void: Why that is not known; None if it is.
    """

    rate_rps: float
    outcome: Outcome
    void: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """What the rounds of one arm in one block tell of the highest rate that keeps an objective.

    Attributes:
        kept_rps: The highest rate that kept it; None if none did.
        failed_rps: The lowest rate that twice did not; None if none did.
        failed_for: Why that one did not: "missed", or "unknown" where no round there could be judged.
        failed_why: Why they could not be judged; None if they could, or if it is not known.
        doubtful_rps: The rate that was tried last and did not keep it once; None if that is settled.
        is_over: Whether the search found nothing more to try.
    """

    kept_rps: float | None = None
    failed_rps: float | None = None
    failed_for: Outcome | None = None
    failed_why: str | None = None
    doubtful_rps: float | None = None
    is_over: bool = False

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
    """The highest rate at which an arm keeps a scenario's objective.

    Attributes:
        scenario: Name of the scenario.
        arm: Name of the arm.
        blocks: How many blocks it rests on.
        rate_rps: The capacity; None if nothing can be said of it.
        is_at_least: True if something else than the server ended a search: the capacity may be higher.
        ratio: Divided by the baseline's; None for the baseline, and where it cannot be told.
        verdict: On that ratio; None for the baseline.
        reason: Why the capacity or the verdict is what it is, in a sentence.
    """

    scenario: str
    arm: str
    blocks: int
    rate_rps: Estimate | None
    is_at_least: bool
    ratio: Estimate | None
    verdict: Verdict | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEvenCell:
    """One delay and one number of users: candidate against baseline in throughput.

    Attributes:
        delay_s: The delay.
        users: The users.
        blocks: How many blocks the ratio rests on.
        ratio: Candidate divided by baseline; None where it cannot be told.
        low: Lower end of its 95% interval; None where it cannot be told.
        high: Upper end; None where it cannot be told.
        state: Where the interval lies: "equal" wholly inside the equivalence margin, else "wins" wholly above
            1, "loses" wholly below, "undecided" around it.
        implied: Of a cell without a ratio, whether its nearest neighbours on both sides win (True) or do not
            (False); None where they disagree or are not known.
    """

    delay_s: float
    users: int
    blocks: int
    ratio: float | None
    low: float | None
    high: float | None
    state: CellState
    implied: bool | None

    @property
    def is_win(self) -> bool | None:
        """Whether the candidate wins here, as measured or implied; None if neither tells."""
        return self.implied if self.ratio is None else self.state == "wins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """Where a candidate begins to win at one delay.

    Attributes:
        delay_s: The delay.
        wins_from_users: The fewest users from which on every cell wins, as measured or implied; None if the
            cell of the most users does not, or is not known.
        not_at_users: The most users below that at which a cell does not win, as measured or implied; None if
            there is none.
    """

    delay_s: float
    wins_from_users: int | None
    not_at_users: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """Where a candidate begins to win, over delay and users.

    Attributes:
        candidate: Name of the candidate; "control" for the control.
        cells: The grid: by delay, and for each delay by users, both rising.
        borders: One for each delay.
    """

    candidate: str
    cells: tuple[BreakEvenCell, ...]
    borders: tuple[Border, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeps:
    """All that was found by varying the load.

    Attributes:
        knees: Of the scenarios with three levels or more.
        scalability: Of the scenarios of the closed model with six levels or more.
        capacities: Of the scenarios with an objective.
        break_even: Of a plan that asks for it: one grid for the control and each candidate.
    """

    knees: tuple[Knee, ...] = ()
    scalability: tuple[Scalability, ...] = ()
    capacities: tuple[Capacity, ...] = ()
    break_even: tuple[BreakEven, ...] = ()
