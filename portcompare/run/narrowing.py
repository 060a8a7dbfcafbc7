"""The part of a plan that the options of `portcompare run` select."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from portcompare.errors import InputError, Problem
from portcompare.plan import ROUND_DELAYS, ClosedLoad, OpenLoad, Plan, Scenario, remedy_for_unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """The options that select a part of a plan; None or empty for those that are not given."""

    scenarios: Sequence[str] = ()
    arms: Sequence[str] = ()  # names of deployments, the baseline first
    users: Sequence[int] = ()
    rate_rps: float | None = None
    delay_s: float | None = None  # of each response

    def options(self) -> list[str]:
        """The options as arguments of `portcompare run`."""
        return [
            *(part for name in self.scenarios for part in ("--scenario", name)),
            *(part for name in self.arms for part in ("--arm", name)),
            *(("--users", ",".join(map(str, self.users))) if self.users else ()),
            *(("--rate", f"{self.rate_rps:.15g}") if self.rate_rps is not None else ()),
            *(("--delay", f"{self.delay_s:.15g}") if self.delay_s is not None else ()),
        ]


def narrow(plan: Plan, wanted: Narrowing) -> Plan:
    """Select a part of a plan.

    A part has no gates, claims and pages, which may name what is left out. It keeps a break-even grid only if
    all cells of the grid remain.

    Raises InputError if the plan has no such scenario or deployment, or if the options contradict each other.
    """
    if wanted == Narrowing():
        return plan
    problems = [
        *_find_unknown("--scenario", wanted.scenarios, plan.scenarios),
        *_find_unknown("--arm", wanted.arms, [plan.baseline, *plan.candidates]),
    ]
    if wanted.users and wanted.rate_rps is not None:
        remedy = "give one of them: --users for the closed model, --rate for the open model"
        problems.append(Problem(where="--users, --rate", found="both are given", remedy=remedy))
    if len(wanted.arms) == 1 or len(set(wanted.arms)) < len(wanted.arms):
        found = f"{' and '.join(wanted.arms)} cannot be compared"
        remedy = "name the baseline, and at least one other deployment"
        problems.append(Problem(where="--arm", found=found, remedy=remedy))
    if problems:
        raise InputError(problems)
    names = wanted.scenarios or plan.scenarios
    arms = wanted.arms or (plan.baseline, *plan.candidates)
    scenarios = {name: _narrow(plan, name, wanted) for name in plan.scenarios if name in names}
    return plan.model_copy(
        update={
            "baseline": arms[0],
            "candidates": list(arms[1:]),
            "scenarios": scenarios,
            "break_even": plan.break_even if scenarios == plan.scenarios else None,
            "gates": [],
            "claims": {},
            "pages": {},
        }
    )


def find_left_out(whole: Plan, part: Plan) -> str | None:
    """What a part of a plan leaves out that a reader might expect, in a clause; None if nothing."""
    gone = list_gone(whole, part)
    if not gone:
        return None
    return f"only a part of the plan was run, without its {', '.join(gone)}: run the whole plan for them"


def list_gone(whole: Plan, part: Plan) -> list[str]:
    """What goes over several scenarios of a plan, and of which a part has nothing."""
    tables = {
        "gates": (whole.gates, part.gates),
        "claims": (whole.claims, part.claims),
        "pages": (whole.pages, part.pages),
        "break-even borders": (whole.break_even, part.break_even),
    }
    return [name for name, (before, after) in tables.items() if before and not after]


def _narrow(plan: Plan, name: str, wanted: Narrowing) -> Scenario:
    scenario = plan.scenarios[name]
    changes: dict[str, object] = {}
    delay_s = scenario.delay_s if wanted.delay_s is None else wanted.delay_s
    if wanted.delay_s is not None:
        changes |= {
            "delay_s": delay_s,
            "delay_parameter": scenario.delay_parameter or "delay",
            "seconds": max(plan.window_s(name), ROUND_DELAYS * delay_s),
        }
    if wanted.users:
        changes["load"] = ClosedLoad(users=list(wanted.users))
    elif wanted.rate_rps is not None:
        before = scenario.load if isinstance(scenario.load, OpenLoad) else OpenLoad(model="open", rates=[1.0])
        connections = max(before.connections, math.ceil(wanted.rate_rps * delay_s))
        changes["load"] = before.model_copy(
            update={"rates": [wanted.rate_rps], "objective": None, "connections": connections}
        )
    return scenario.model_copy(update=changes)


def _find_unknown(flag: str, names: Iterable[str], known: Iterable[str]) -> Iterator[Problem]:
    for name in names:
        if name not in known:
            remedy = remedy_for_unknown(name, known)
            yield Problem(where=flag, found=f"the plan has no {name!r}", remedy=remedy)
