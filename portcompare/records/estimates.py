"""The one record of an estimated quantity, and of a candidate's ratio to the baseline."""

from dataclasses import dataclass
from typing import Literal

from portcompare.records.metrics import MetricName

Verdict = Literal["faster", "slower", "equivalent", "inconclusive", "invalid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimated quantity with its 95% interval."""

    point: float | None = None  # The estimate; None where it cannot be given
    low: float | None = None  # Lower end of the 95% interval; None where there is none
    high: float | None = None  # Upper end; None where there is none
    blocks: int = 0  # How many blocks it rests on
    verdict: Verdict | None = None  # On a ratio: "faster" means better; None where nothing is judged
    reason: str = ""  # Why the verdict is what it is, or why there is no estimate

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends of the interval; None unless both are known."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Candidate against baseline in one metric at one level."""

    scenario: str  # Name of the scenario
    level: float  # The level
    metric: MetricName  # What is compared
    candidate: str  # Name of the candidate's arm; "control" for the control
    ratio: Estimate  # Candidate divided by baseline
