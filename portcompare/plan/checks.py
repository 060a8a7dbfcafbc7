"""What a run must keep, and the checks of it that need the rest of the plan or a stored run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from portcompare.errors import Problem
from portcompare.plan.types import Rate, Section, raw_tables, remedy_for_unknown
from portcompare.records.checks import IfInconclusive
from portcompare.records.pages import LoadKind
from portcompare.records.results import BASELINE, CONTROL, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portcompare.plan.types import Origins


STORED_FILE = "results.json"
"""What makes a folder that of a run."""

_Ratio = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Gate(Section):
    """A limit of a ratio. The whole 95% interval decides, never its middle."""

    metric: Metric = Field(description="what is limited")
    scenario: str = Field(description="the scenario")
    candidate: str = Field(
        description="the deployment whose figures are limited: a candidate; with `against` the baseline too"
    )
    level: _Ratio | None = Field(
        None, description="one level of the scenario; by default the gate stands at each of them"
    )
    max_ratio: _Ratio | None = Field(
        None, description="the most that the ratio may be, candidate / baseline, or with `against` new / old"
    )
    min_ratio: _Ratio | None = Field(None, description="the least that the ratio may be")
    against: str | None = Field(
        None, pattern=r"\S", description="folder of a stored run, relative to the plan file"
    )
    relative: bool = Field(
        default=False,
        description="with `against`: limit the ratio to the baseline, now / then, freed of the machine",
    )
    inconclusive: IfInconclusive = Field(
        "fail", description="what it means for the gate if the interval crosses a limit"
    )

    @model_validator(mode="after")
    def _some_limit(self) -> Gate:
        if self.max_ratio is None and self.min_ratio is None:
            msg = "give `max_ratio` or `min_ratio`, or both"
            raise ValueError(msg)
        if self.max_ratio is not None and self.min_ratio is not None and self.min_ratio >= self.max_ratio:
            msg = f"min_ratio, {self.min_ratio:g}, is not less than max_ratio, {self.max_ratio:g}"
            raise ValueError(msg)
        if self.relative and self.against is None:
            msg = "`relative` goes with `against`"
            raise ValueError(msg)
        return self


def find_gate_problems(origins: Origins, data: Mapping[str, Any]) -> Iterator[Problem]:
    """Check gates against the arms, the scenarios and the files there are."""
    gates = data.get("gates")
    for place, table in enumerate(gates) if isinstance(gates, list) else ():
        try:
            gate = Gate.model_validate(table)
        except ValidationError:
            gate = None  # told already; what else it names is checked all the same
        if isinstance(table, dict):
            yield from _problems(origins, place, table, data)
        if gate is not None and gate.against is not None:
            yield from _missing_run(origins, place, gate.against)


def _problems(
    origins: Origins, place: int, table: Mapping[str, Any], data: Mapping[str, Any]
) -> Iterator[Problem]:
    if "break_even" in data:
        found = "stands beside [break_even], of whose levels not all are measured"
        yield Problem(
            where=origins.where("gates", place), found=found, remedy="give the gate a plan of its own"
        )
        return
    yield from _candidate(origins, place, table, data)
    scenarios, name = data.get("scenarios"), table.get("scenario")
    if not isinstance(scenarios, dict) or not isinstance(name, str):
        return
    if name not in scenarios:
        yield Problem(
            where=origins.where("gates", place, "scenario"),
            found=f"there is no scenario {name!r}",
            remedy=remedy_for_unknown(name, scenarios),
        )
        return
    load = scenarios[name].get("load") if isinstance(scenarios[name], dict) else None
    if isinstance(load, dict):
        yield from _level(origins, place, table, load)


def _candidate(
    origins: Origins, place: int, table: Mapping[str, Any], data: Mapping[str, Any]
) -> Iterator[Problem]:
    name, baseline, candidates = table.get("candidate"), data.get("baseline"), data.get("candidates")
    if not isinstance(name, str) or not isinstance(candidates, list):
        return
    where = origins.where("gates", place, "candidate")
    known = [one for one in candidates if isinstance(one, str)]
    if "against" in table and not table.get("relative") and isinstance(baseline, str):
        known.append(baseline)
    if name == baseline and name not in known:
        remedy = "name a candidate, or a stored run with `against`"
        yield Problem(where=where, found=f"{name!r} is the baseline itself", remedy=remedy)
    elif name not in known:
        found = f"there is no such deployment among those measured: {name!r}"
        yield Problem(where=where, found=found, remedy=remedy_for_unknown(name, known))


def _level(
    origins: Origins, place: int, table: Mapping[str, Any], load: Mapping[str, Any]
) -> Iterator[Problem]:
    if "objective" in load:
        yield Problem(
            where=origins.where("gates", place, "scenario"),
            found="its rate is searched, and a gate stands at given levels",
            remedy="give the gate a scenario with `users` or `rates`",
        )
        return
    levels = load.get("users", load.get("rates"))
    level = table.get("level")
    if level is not None and isinstance(levels, list) and level not in levels:
        yield Problem(
            where=origins.where("gates", place, "level"),
            found=f"{level!r} is no level of the scenario",
            remedy=f"name one of {', '.join(map(str, levels))}, or leave it out for all",
        )


def _missing_run(origins: Origins, place: int, against: str) -> Iterator[Problem]:
    folder = origins.plan.parent / against
    if (folder / STORED_FILE).is_file():
        return
    remedy = "name the folder of a finished run, relative to the plan file"
    if (Path(against) / STORED_FILE).is_file():  # as it is seen from where the command was given
        remedy = f'write against = "{os.path.relpath(against, origins.plan.parent)}"'
    yield Problem(
        where=origins.where("gates", place, "against"),
        found=f"there is no {folder / STORED_FILE}",
        remedy=remedy,
    )


class Measured(Section):
    """One side of a check: what one arm does at one level, or with one page."""

    arm: str = Field(BASELINE, description='"baseline", "control" or a candidate')
    scenario: str | None = Field(None, description="name of a scenario")
    page: str | None = Field(None, description="or of a page")
    level: float = Field(
        0.0, ge=0, description="the scenario's level, or the users met by the page: 0 for none"
    )
    load: LoadKind = Field("cold", description="which load of the page")

    @model_validator(mode="after")
    def _one_subject(self) -> Measured:
        if (self.scenario is None) == (self.page is None):
            raise ValueError("give exactly one of `scenario` and `page`")
        return self


class Check(Section):
    """A value, or the ratio of two, and what it must be for a claim to be true."""

    name: str = Field(min_length=1, description="under which circumstances this decides")
    metric: Metric | Literal["lcp"] = Field("p50", description='what is compared; "lcp" of pages')
    of: Measured = Field(description="what is looked at")
    to: Measured | None = Field(None, description="what it is divided by; else the value itself is judged")
    at_least: Rate | None = Field(None, description="the claim is true here if it is this or more")
    at_most: Rate | None = Field(None, description="or this or less; seconds, where it is no ratio")

    @model_validator(mode="after")
    def _one_threshold(self) -> Check:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give exactly one of `at_least` and `at_most`")
        sides = [side for side in (self.of, self.to) if side is not None]
        if any((self.metric == "lcp") != (side.page is not None) for side in sides):
            raise ValueError('the metric "lcp" goes with pages, and the others with scenarios')
        return self


class Claim(Section):
    """What people say, and the checks that decide it."""

    text: str = Field(min_length=1, description="the claim, in a sentence")
    checks: list[Check] = Field(min_length=1, description="what decides it: true if all say so")


def find_claim_problems(origins: Origins, data: dict[str, Any]) -> Iterator[Problem]:
    """Check that the claims name what there is."""
    if "claims" in data and "break_even" in data:
        found = "stand beside [break_even], of whose cells not all are measured"
        yield Problem(
            where=origins.where("claims"), found=found, remedy="give the claims a plan of their own"
        )
        return
    candidates = data.get("candidates")
    named = candidates if isinstance(candidates, list) else ()
    arms = {BASELINE, CONTROL, *(name for name in named if isinstance(name, str))}
    known = {"arm": arms, "scenario": _names(data, "scenarios"), "page": _names(data, "pages")}
    for claim, place, side, measured in _sides(data):
        where = origins.where("claims", claim, "checks", str(place), side)
        for key, names in known.items():
            name = measured.get(key)
            if isinstance(name, str) and name not in names:
                remedy = remedy_for_unknown(name, names)
                yield Problem(where=f"{where}.{key}", found=f"there is no {key} {name!r}", remedy=remedy)
        if _is_searched(data, measured):
            yield Problem(
                where=f"{where}.scenario",
                found="its rate is searched, and a claim stands at a given level",
                remedy="name a scenario with `users` or `rates`",
            )
        levels, level = _levels(data, measured), measured.get("level", 0.0)
        if levels and level not in levels:
            yield Problem(
                where=f"{where}.level",
                found=f"{level:g} is not measured" if isinstance(level, int | float) else "is no number",
                remedy=f"give one of {', '.join(f'{one:g}' for one in levels)}",
            )


def _sides(data: dict[str, Any]) -> Iterator[tuple[str, int, str, dict[str, Any]]]:
    for claim, table in raw_tables(data, "claims").items():
        checks = table.get("checks")
        for place, check in enumerate(checks if isinstance(checks, list) else ()):
            for side in ("of", "to"):
                measured = check.get(side) if isinstance(check, dict) else None
                if isinstance(measured, dict):
                    yield claim, place, side, measured


def _is_searched(data: dict[str, Any], measured: dict[str, Any]) -> bool:
    load = raw_tables(data, "scenarios").get(str(measured.get("scenario")), {}).get("load")
    return isinstance(load, dict) and "objective" in load


def _levels(data: dict[str, Any], measured: dict[str, Any]) -> list[float]:
    """The levels at which a scenario or a page is measured; empty where that cannot be told."""
    scenario = raw_tables(data, "scenarios").get(str(measured.get("scenario")), {})
    page = raw_tables(data, "pages").get(str(measured.get("page")))
    if page is not None:
        users = page.get("users", 0)
        return sorted({0, users}) if isinstance(users, int) else []
    load = scenario.get("load")
    levels = load.get("users", load.get("rates")) if isinstance(load, dict) else None
    return (
        sorted(levels)
        if isinstance(levels, list) and all(isinstance(one, int | float) for one in levels)
        else []
    )


def _names(data: dict[str, Any], key: str) -> set[str]:
    return set(raw_tables(data, key))
