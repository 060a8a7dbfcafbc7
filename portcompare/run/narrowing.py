"""The part of a plan that the options of `portcompare run` select, and that of a quick run."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from portcompare.errors import InputError, Problem
from portcompare.measure.blocks import EARLY_BLOCKS
from portcompare.plan import ROUND_DELAYS, ClosedLoad, Gate, OpenLoad, Plan, Scenario, remedy_for_unknown
from portcompare.plan.schema import WorkPlan
from portcompare.units import count
from portcompare.work.counters import choose_method


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


QUICK_S = 160.0  # the budget of a quick run, of the three minutes that it all may take
_LOAD_SHARE = 0.22  # so much of it is left for the least load, after the responses and the counting
_START_S = 4.0  # how long the servers of a block take to start
_SEARCHED_USERS = 32  # the load of a scenario whose highest rate is searched


def quicken(plan: Plan, budget_s: float = QUICK_S, known: str | None = None) -> tuple[Plan, str]:
    """Select what shows most in short time, have its instructions counted, and name what is left out.

    A port, one level of each scenario that fits; what gates name comes first.
    `known`: what was left out before.
    """
    candidates = _choose_candidates(plan)
    most_s = _LOAD_SHARE * budget_s
    names, load_s = _choose_scenarios(plan, 2 + len(candidates), most_s)
    work, not_counted = (plan.work, "") if plan.work is not None else _plan_work(is_time=load_s <= most_s)
    part = narrow(plan, Narrowing(scenarios=names, arms=[plan.baseline, *candidates]))
    part = part.model_copy(
        update={
            "scenarios": {name: _at_one_level(plan, name) for name in part.scenarios},
            "break_even": None,
            "work": work,
            "rounds": plan.rounds.model_copy(update={"budget_s": budget_s}),
        }
    )
    part = part.model_copy(update={"gates": [gate for gate in plan.gates if _can_judge(part, gate)]})
    compared = ", ".join(f"{name} at {part.level_text(name, level)}" for name, level in part.levels)
    text = f"a quick run: {', '.join(candidates)} was compared by {compared}"
    left_out = ", ".join(_list_left_out(plan, part)) or "nothing"
    return part, f"{known}; " * bool(known) + f"{text}; left out: {left_out}{not_counted}"


def _choose_candidates(plan: Plan) -> list[str]:
    """Those of gates, or else the first that serves another app than the baseline."""
    gated = {gate.candidate for gate in plan.gates}
    app = plan.deployments[plan.baseline].app
    ports = [name for name in plan.candidates if plan.deployments[name].app != app]
    return [name for name in plan.candidates if name in gated] or [*ports, *plan.candidates][:1]


def _choose_scenarios(plan: Plan, arms: int, most_s: float) -> tuple[list[str], float]:
    """The scenarios of which the least number of blocks fits, those of gates first, and how long these take.

    One is chosen even if it does not fit.
    """
    gated = {gate.scenario for gate in plan.gates}
    chosen: list[str] = []
    load_s = EARLY_BLOCKS * _START_S
    for name in sorted(plan.scenarios, key=lambda name: name not in gated):
        needed_s = EARLY_BLOCKS * arms * (plan.window_s(name) + plan.rounds.warmup_s)
        if not chosen or load_s + needed_s <= most_s:
            chosen.append(name)
            load_s += needed_s
    return chosen, load_s


def _plan_work(*, is_time: bool) -> tuple[WorkPlan | None, str]:
    """How instructions are counted, if there is time; or None, and why they are not."""
    reason = "the load takes all the time"
    if is_time:
        try:
            choose_method()
        except InputError as error:
            (problem,) = error.problems
            reason = f"{problem.found}; {problem.remedy}"
        else:
            return WorkPlan(), ""
    return None, f". Instructions were not counted: {reason}"


def _at_one_level(plan: Plan, name: str) -> Scenario:
    """The scenario at its first gate's level, or else the highest, where a port shows most."""
    scenario = plan.scenarios[name]
    load: ClosedLoad | OpenLoad = ClosedLoad(users=[_SEARCHED_USERS])
    if scenario.load.levels:
        gated = [gate.level for gate in plan.gates if gate.scenario == name and gate.level is not None]
        level = (*gated, scenario.load.levels[-1])[0]
        key = "rates" if isinstance(scenario.load, OpenLoad) else "users"
        load = scenario.load.model_copy(update={key: [level if key == "rates" else int(level)]})
    return scenario.model_copy(update={"load": load})


def _can_judge(part: Plan, gate: Gate) -> bool:
    levels = part.scenarios[gate.scenario].load.levels if gate.scenario in part.scenarios else ()
    is_measured = gate.candidate in (part.baseline, *part.candidates)
    return is_measured and bool(levels) and gate.level in (None, *levels)


def _list_left_out(whole: Plan, part: Plan) -> Iterator[str]:
    yield from (name for name in whole.candidates if name not in part.candidates)
    if levels := len({*whole.levels} - {*part.levels}):
        yield count(levels, "level")
    if gone := [name for name in whole.scenarios if name not in part.scenarios]:
        yield f"the requests of {' and '.join(gone)}"
    for gate in whole.gates:
        if gate not in part.gates:
            at = "" if gate.level is None else f" at {whole.level_text(gate.scenario, gate.level)}"
            yield f"the gate on {gate.metric} of {gate.candidate} ({gate.scenario}{at})"
    yield from (f"the {name}" for name in list_gone(whole, part) if name != "gates")
    if whole.searches:
        yield "the searches"
