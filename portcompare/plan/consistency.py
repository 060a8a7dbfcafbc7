"""Checks that need more than one key of the plan.

They work on the raw tables, so that they speak even where a single key elsewhere is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portcompare.errors import Problem
from portcompare.plan.checks import find_claim_problems, find_gate_problems
from portcompare.plan.deployments import find_deployment_problems, find_upstream_problems
from portcompare.plan.requests import find_request_problems
from portcompare.plan.schema import ROUND_DELAYS, Rounds
from portcompare.plan.types import raw_tables, remedy_for_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.plan.deployments import Servers
    from portcompare.plan.types import Origins


def find_inconsistencies(origins: Origins, data: dict[str, Any], servers: Servers) -> list[Problem]:
    """Check the plan's tables against each other and against the servers there are."""
    return [
        *_arms(origins, data),
        *_subject(origins, data),
        *_searches(origins, data),
        *(
            problem
            for name, deployment in raw_tables(data, "deployments").items()
            for problem in find_deployment_problems(
                origins.where("deployments", name), deployment, raw_tables(data, "apps"), servers
            )
        ),
        *find_upstream_problems(
            origins, _named_arms(data).values(), raw_tables(data, "apps"), raw_tables(data, "deployments")
        ),
        *_slots(origins, data),
        *_rounds(origins, data),
        *_pages(origins, data),
        *find_claim_problems(origins, data),
        *find_request_problems(origins, raw_tables(data, "scenarios"), data.get("parity")),
        *find_gate_problems(origins, data),
    ]


def _named_arms(data: dict[str, Any]) -> dict[str, str]:
    """The names of the arms' deployments, by the keys that they stand in."""
    candidates = data.get("candidates")
    named = {"baseline": data.get("baseline")} | {
        f"candidates.{place}": name
        for place, name in enumerate(candidates if isinstance(candidates, list) else [])
    }
    return {key: name for key, name in named.items() if isinstance(name, str)}


def _arms(origins: Origins, data: dict[str, Any]) -> Iterator[Problem]:
    deployments = raw_tables(data, "deployments")
    named = _named_arms(data)
    baseline = named.get("baseline")
    candidates = [name for key, name in named.items() if key != "baseline"]
    for key, name in named.items():
        if name not in deployments:
            yield Problem(
                where=origins.where(key),
                found=f"there is no deployment {name!r}",
                remedy=remedy_for_unknown(name, deployments),
            )
    if baseline in candidates:
        yield Problem(
            where=origins.where("candidates"),
            found=f"the baseline {baseline!r} is also a candidate",
            remedy="remove it there; a control instance of the baseline is measured anyway",
        )
    for name in sorted({name for name in candidates if candidates.count(name) > 1}):
        yield Problem(
            where=origins.where("candidates"), found=f"{name!r} stands there twice", remedy="remove one"
        )
    for name in sorted({"baseline", "control"} & set(deployments)):
        yield Problem(
            where=origins.where("deployments", name),
            found=f"{name!r} is the name of an arm",
            remedy="call the deployment otherwise",
        )


def _subject(origins: Origins, data: dict[str, Any]) -> Iterator[Problem]:
    if "scenarios" not in data and "break_even" not in data:
        yield Problem(where=origins.where("scenarios"), found="is missing", remedy="add it")
    if "scenarios" in data and "break_even" in data:
        yield Problem(
            where=origins.where("break_even"),
            found="stands beside [scenarios]",
            remedy="give each a plan of its own: [break_even] makes its own scenarios",
        )


def _searches(origins: Origins, data: dict[str, Any]) -> Iterator[Problem]:
    loads = {name: scenario.get("load") for name, scenario in raw_tables(data, "scenarios").items()}
    known = {name: load for name, load in loads.items() if isinstance(load, dict)}
    searched = [name for name, load in known.items() if "objective" in load]
    levels = [name for name, load in known.items() if load.keys() & {"users", "rates"}]
    # A load with both is told of by itself.
    others = [name for name in levels if name not in searched]
    if others:
        for name in searched:
            yield Problem(
                where=origins.where("scenarios", name, "load", "objective"),
                found="is searched for, beside levels that are given: " + ", ".join(others),
                remedy="give the scenarios with an objective a plan of their own",
            )


def _slots(origins: Origins, data: dict[str, Any]) -> Iterator[Problem]:
    apps = raw_tables(data, "apps")
    for name, scenario in raw_tables(data, "scenarios").items():
        slots = scenario.get("slots")
        for app in slots if isinstance(slots, dict) else ():
            if app not in apps:
                yield Problem(
                    where=origins.where("scenarios", name, "slots", app),
                    found=f"there is no app {app!r}",
                    remedy=remedy_for_unknown(app, apps),
                )


def _rounds(origins: Origins, data: dict[str, Any]) -> Iterator[Problem]:
    rounds = data.get("rounds")
    rounds = rounds if isinstance(rounds, dict) else {}
    default_s = rounds.get("seconds", Rounds.model_fields["seconds"].default)
    for name, scenario in raw_tables(data, "scenarios").items():
        delay_s, seconds = scenario.get("delay_s", 0.0), scenario.get("seconds", default_s)
        if not isinstance(delay_s, int | float) or not isinstance(seconds, int | float):
            continue
        if seconds < ROUND_DELAYS * delay_s:
            yield Problem(
                where=origins.where("scenarios", name),
                found=f"rounds of {seconds} s are shorter than {ROUND_DELAYS} times the delay of {delay_s} s",
                remedy=f"set seconds = {ROUND_DELAYS * delay_s:g} or more for this scenario",
            )
    least = rounds.get("min_blocks", Rounds.model_fields["min_blocks"].default)
    most = rounds.get("max_blocks", Rounds.model_fields["max_blocks"].default)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield Problem(
            where=origins.where("rounds", "min_blocks"),
            found=f"{least} is more than max_blocks, {most}",
            remedy="lower min_blocks or raise max_blocks",
        )


def _pages(origins: Origins, data: dict[str, Any]) -> Iterator[Problem]:
    scenarios, pages = raw_tables(data, "scenarios"), raw_tables(data, "pages")
    for name, page in pages.items():
        scenario = page.get("scenario")
        if not isinstance(scenario, str):
            continue
        where = origins.where("pages", name, "scenario")
        if scenario not in scenarios:
            remedy = remedy_for_unknown(scenario, scenarios)
            yield Problem(where=where, found=f"there is no scenario {scenario!r}", remedy=remedy)
            continue
        load = scenarios[scenario].get("load")
        if isinstance(load, dict) and load.get("model") == "open":
            found = f"{scenario!r} has a load of the open model"
            yield Problem(where=where, found=found, remedy="name a scenario whose load is `users`")
    if pages and "break_even" in data:
        yield Problem(
            where=origins.where("pages"),
            found="stands beside [break_even]",
            remedy="give the pages a plan of their own: a grid's blocks are too many and too short for them",
        )
