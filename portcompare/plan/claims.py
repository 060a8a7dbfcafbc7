"""The plan's claims: what people say, and the comparisons that decide whether it is so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from portcompare.errors import Problem
from portcompare.model import BASELINE, CONTROL, Metric
from portcompare.pages import LoadKind
from portcompare.plan.names import remedy_for_unknown
from portcompare.plan.section import Rate, Section, raw_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.plan.origins import Origins


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
    """Check that the claims name what there is.

    Args:
        origins: The files the tables stand in, for the messages.
        data: The plan's raw tables.

    Yields:
        Arms, scenarios and pages that are named and not there, and levels that are not measured.
    """
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
