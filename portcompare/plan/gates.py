"""What a run must keep, and the checks of it that need the rest of the plan or a stored run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError, model_validator

from portcompare.errors import Problem
from portcompare.gates import IfInconclusive
from portcompare.model import Metric
from portcompare.plan.names import remedy_for_unknown
from portcompare.plan.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portcompare.plan.origins import Origins

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
    """Check gates against the arms, the scenarios and the files there are.

    Args:
        origins: The files the tables stand in, for the messages.
        data: The plan's raw tables; what of a gate is wrong by itself is told elsewhere.

    Yields:
        What is wrong.
    """
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
