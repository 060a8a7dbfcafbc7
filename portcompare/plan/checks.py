"""Gates and claims: limits that a run must keep, and statements that its figures decide."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from portcompare.plan import types as t
from portcompare.records.metrics import MetricName, RoundMetric
from portcompare.records.pages import LoadKind
from portcompare.records.results import IfInconclusive
from portcompare.records.rounds import BASELINE


class Gate(t.Section):
    """A limit of a ratio. The whole 95% interval decides, never its middle."""

    metric: MetricName = Field(description="what is limited")
    scenario: str = Field(description="the scenario")
    candidate: str = Field(description="the candidate that is limited; with `against` also the baseline")
    level: t.PositiveNumber | None = Field(None, description="one level of the scenario; default: each")
    max_ratio: t.PositiveNumber | None = Field(
        None, description="upper limit of candidate / baseline, or with `against` of new / old"
    )
    min_ratio: t.PositiveNumber | None = Field(None, description="lower limit of the ratio")
    against: t.NotBlank | None = Field(None, description="folder of a stored run, relative to the plan file")
    relative: bool = Field(
        default=False,
        description="with `against`: compare the ratios to the baseline, so that the machine's speed cancels",
    )
    inconclusive: IfInconclusive = Field("fail", description="the result if the interval crosses a limit")

    @model_validator(mode="after")
    def _some_limit(self) -> Self:
        if self.max_ratio is None and self.min_ratio is None:
            raise ValueError("give `max_ratio` or `min_ratio`, or both")
        if self.max_ratio is not None and self.min_ratio is not None and self.min_ratio >= self.max_ratio:
            raise ValueError(f"min_ratio, {self.min_ratio:g}, is not less than max_ratio, {self.max_ratio:g}")
        if self.metric == "instructions" and self.level is not None:
            raise ValueError("`instructions` depend on no level: leave `level` out")
        if self.relative and self.against is None:
            raise ValueError("`relative` goes with `against`")
        return self


class Measured(t.Section):
    """One side of a check: what one arm does at one level, or with one page."""

    exactly_one: ClassVar = ("scenario", "page")

    arm: str = Field(BASELINE, description='"baseline", "control" or a candidate')
    scenario: str | None = Field(None, description="name of a scenario")
    page: str | None = Field(None, description="or of a page")
    level: float = Field(0.0, ge=0, description="the scenario's level, or the users met by the page")
    load: LoadKind = Field("cold", description="which load of the page")


class Check(t.Section):
    """A value, or the ratio of two, and what it must be for a claim to be true."""

    exactly_one: ClassVar = ("at_least", "at_most")

    name: str = Field(min_length=1, description="under which circumstances this decides")
    metric: RoundMetric | Literal["lcp"] = Field("p50", description='what is compared; "lcp" of pages')
    of: Measured = Field(description="what is looked at")
    to: Measured | None = Field(None, description="what it is divided by; else the value itself is judged")
    at_least: t.PositiveNumber | None = Field(None, description="the claim is true if it is this or more")
    at_most: t.PositiveNumber | None = Field(None, description="or this or less; in seconds, if no ratio")

    @model_validator(mode="after")
    def _metric_fits(self) -> Self:
        sides = [side for side in (self.of, self.to) if side is not None]
        if any((self.metric == "lcp") != (side.page is not None) for side in sides):
            raise ValueError('the metric "lcp" goes with pages, and the others with scenarios')
        return self


class Claim(t.Section):
    """What people say, and the checks that decide it."""

    text: str = Field(min_length=1, description="the claim, in a sentence")
    checks: list[Check] = Field(min_length=1, description="what decides it: true if all say so")
