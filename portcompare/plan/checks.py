"""Gates and claims: limits that a run must keep, and statements that its figures decide."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from portcompare.plan import types as t
from portcompare.records.metrics import MetricName, RoundMetric
from portcompare.records.pages import LoadKind
from portcompare.records.results import IfInconclusive
from portcompare.records.rounds import BASELINE, CONTROL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portcompare.errors import Problem
    from portcompare.plan.schema import Plan

_STORED_FILE = "results.json"  # by which a folder is recognised as a run's
_BESIDE_GRID = "stands beside [break_even], which measures not all of its levels"


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
    def _some_limit(self) -> Gate:
        if self.max_ratio is None and self.min_ratio is None:
            raise ValueError("give `max_ratio` or `min_ratio`, or both")
        if self.max_ratio is not None and self.min_ratio is not None and self.min_ratio >= self.max_ratio:
            raise ValueError(f"min_ratio, {self.min_ratio:g}, is not less than max_ratio, {self.max_ratio:g}")
        if self.metric == "instructions" and self.level is not None:
            raise ValueError("`instructions` depend on no level: leave `level` out")
        if self.relative and self.against is None:
            raise ValueError("`relative` goes with `against`")
        return self


def find_gate_problems(plan: Plan) -> Iterator[Problem]:
    """Check the deployments, scenarios, levels and stored runs that gates name."""
    for place, gate in enumerate(plan.gates):
        key = ("gates", place)
        known = {*plan.candidates} | ({plan.baseline} if gate.against and not gate.relative else set())
        if plan.break_even is not None:
            yield plan.problem(key, _BESIDE_GRID, "give the gate its own plan")
            continue
        if gate.candidate not in known:
            yield plan.unknown((*key, "candidate"), "candidate", gate.candidate, known)
        yield from _level_problems(plan, key, gate.scenario, gate.level)
        if gate.metric == "instructions" and plan.work is None:
            found = "no instruction is counted, as the plan has no [work]"
            yield plan.problem((*key, "metric"), found, "add an empty table [work]")
        folder = plan.path.parent / (gate.against or "")
        if gate.against is not None and not (folder / _STORED_FILE).is_file():
            remedy = "name the folder of a finished run, relative to the plan file"
            if Path(gate.against, _STORED_FILE).is_file():  # it is there, relative to the working directory
                remedy = f'write against = "{os.path.relpath(gate.against, plan.path.parent)}"'
            yield plan.problem((*key, "against"), f"there is no {folder / _STORED_FILE}", remedy)


def _level_problems(
    plan: Plan, key: tuple[str | int, ...], scenario: str, level: float | None
) -> Iterator[Problem]:
    if scenario not in plan.scenarios:
        yield plan.unknown((*key, "scenario"), "scenario", scenario, plan.scenarios)
    elif scenario in plan.searches:
        found = "its rate is searched, and not measured at given levels"
        yield plan.problem((*key, "scenario"), found, "name a scenario with `users` or `rates`")
    elif level is not None and level not in (levels := plan.scenarios[scenario].load.levels):
        yield plan.problem((*key, "level"), f"{level:g} is not measured", f"give one of {_listed(levels)}")


def _listed(levels: Iterable[float]) -> str:
    return ", ".join(f"{level:g}" for level in levels)


class Measured(t.Section):
    """One side of a check: what one arm does at one level, or with one page."""

    arm: str = Field(BASELINE, description='"baseline", "control" or a candidate')
    scenario: str | None = Field(None, description="name of a scenario")
    page: str | None = Field(None, description="or of a page")
    level: float = Field(0.0, ge=0, description="the scenario's level, or the users met by the page")
    load: LoadKind = Field("cold", description="which load of the page")

    @model_validator(mode="after")
    def _one_subject(self) -> Measured:
        if (self.scenario is None) == (self.page is None):
            raise ValueError("give exactly one of `scenario` and `page`")
        return self


class Check(t.Section):
    """A value, or the ratio of two, and what it must be for a claim to be true."""

    name: str = Field(min_length=1, description="under which circumstances this decides")
    metric: RoundMetric | Literal["lcp"] = Field("p50", description='what is compared; "lcp" of pages')
    of: Measured = Field(description="what is looked at")
    to: Measured | None = Field(None, description="what it is divided by; else the value itself is judged")
    at_least: t.PositiveNumber | None = Field(None, description="the claim is true if it is this or more")
    at_most: t.PositiveNumber | None = Field(None, description="or this or less; in seconds, if no ratio")

    @model_validator(mode="after")
    def _one_threshold(self) -> Check:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of `at_least` and `at_most`")
        sides = [side for side in (self.of, self.to) if side is not None]
        if any((self.metric == "lcp") != (side.page is not None) for side in sides):
            raise ValueError('the metric "lcp" goes with pages, and the others with scenarios')
        return self


class Claim(t.Section):
    """What people say, and the checks that decide it."""

    text: str = Field(min_length=1, description="the claim, in a sentence")
    checks: list[Check] = Field(min_length=1, description="what decides it: true if all say so")


def find_claim_problems(plan: Plan) -> Iterator[Problem]:
    """Check the arms, scenarios, pages and levels that claims name."""
    if plan.claims and plan.break_even is not None:
        yield plan.problem(("claims",), _BESIDE_GRID, "give the claims their own plan")
        return
    for name, claim in plan.claims.items():
        for place, check in enumerate(claim.checks):
            for side, measured in (("of", check.of), ("to", check.to)):
                if measured is not None:
                    yield from _side_problems(plan, ("claims", name, "checks", place, side), measured)


def _side_problems(plan: Plan, key: tuple[str | int, ...], measured: Measured) -> Iterator[Problem]:
    arms = {BASELINE, CONTROL, *plan.candidates}
    if measured.arm not in arms:
        yield plan.unknown((*key, "arm"), "arm", measured.arm, arms)
    if measured.scenario is not None:
        yield from _level_problems(plan, key, measured.scenario, measured.level)
    elif measured.page not in plan.pages:
        yield plan.unknown((*key, "page"), "page", str(measured.page), plan.pages)
    elif measured.level not in (levels := plan.pages[measured.page].conditions):
        found = f"{measured.level:g} is not measured"
        yield plan.problem((*key, "level"), found, f"give one of {_listed(levels)}")
