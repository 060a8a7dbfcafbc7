"""Checking a plan as a whole: what its tables name must be there, and fit together."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from portcompare.errors import InputError, Problem
from portcompare.http.placeholders import read_rows
from portcompare.plan.apps import KNOBS, UPSTREAM
from portcompare.plan.checks import Measured
from portcompare.plan.requests import PlanRequest
from portcompare.plan.scenarios import ROUND_DELAYS, OpenLoad
from portcompare.plan.schema import Plan
from portcompare.plan.types import remedy_for_unknown
from portcompare.records.rounds import BASELINE, CONTROL

Key = tuple[str | int, ...]
Servers = Mapping[str, Mapping[str, frozenset[str]]]  # the settings of each server, by way of serving

_STORED_FILE = "results.json"  # by which a folder is recognised as a run's


def find_problems(plan: Plan, servers: Servers) -> Iterator[Problem]:
    """Everything that is wrong with a plan whose tables are right each by itself."""
    yield from _arm_problems(plan)
    yield from _deployment_problems(plan, servers)
    yield from _upstream_problems(plan)
    yield from _scenario_problems(plan)
    yield from _page_problems(plan)
    yield from _request_problems(plan)
    if plan.break_even is None:
        yield from _claim_problems(plan)
        yield from _gate_problems(plan)
        return
    for table in ("claims", "gates", "pages"):
        if getattr(plan, table):
            found = "stands beside [break_even], which measures not all of its levels"
            yield plan.problem((table,), found, f"give the {table} their own plan")


def _arm_problems(plan: Plan) -> Iterator[Problem]:
    named: dict[Key, str] = {("baseline",): plan.baseline}
    named |= {("candidates", place): name for place, name in enumerate(plan.candidates)}
    for key, name in named.items():
        if name not in plan.deployments:
            yield plan.unknown(key, "deployment", name, plan.deployments)
    if plan.baseline in plan.candidates:
        found = f"the baseline {plan.baseline!r} is also a candidate"
        remedy = "remove it there; a control instance of the baseline is measured anyway"
        yield plan.problem(("candidates",), found, remedy)
    for name in sorted({name for name in plan.candidates if plan.candidates.count(name) > 1}):
        yield plan.problem(("candidates",), f"{name!r} is named twice", "remove one")
    for name in sorted({BASELINE, CONTROL} & plan.deployments.keys()):
        yield plan.problem(("deployments", name), f"{name!r} is the name of an arm", "rename the deployment")


def _deployment_problems(plan: Plan, servers: Servers) -> Iterator[Problem]:
    for name, deployment in plan.deployments.items():
        key, server, app = ("deployments", name), deployment.server, plan.app_of(name)
        if deployment.app is not None and deployment.app not in plan.apps:
            yield plan.unknown((*key, "app"), "app", deployment.app, plan.apps)
        elif server is not None and app.interface is None:
            found = f"the app {deployment.app!r} has no target that {server} could serve"
            remedy = f"add `target` and `interface` to [apps.{deployment.app}], or use a `command`"
            yield plan.problem((*key, "app"), found, remedy)
        if server is not None:
            yield from _server_problems(plan, servers, name, server)


def _server_problems(plan: Plan, servers: Servers, name: str, server: str) -> Iterator[Problem]:
    key, deployment, interface = ("deployments", name), plan.deployments[name], plan.app_of(name).interface
    if server not in servers:
        remedy = f"{remedy_for_unknown(server, servers)}; start any other server by a `command`"
        yield plan.problem((*key, "server"), f"there is no server {server!r}", remedy)
        return
    if interface is None:
        return
    way = deployment.way(interface)
    if way in servers[server]:
        known = servers[server][way]
        for knob in sorted((KNOBS & deployment.model_fields_set) - known):
            found = f"{server} has no such setting for {interface} apps"
            found += f" through {deployment.adapter}" if deployment.adapter else ""
            yield plan.problem((*key, knob), found, f"remove it; it has: {', '.join(sorted(known))}")
        return
    found = f"{server} does not serve {interface} apps"
    serving = ", ".join(sorted(name for name in servers if way in servers[name]))
    remedy = f"servers that do: {serving}" if serving else "remove it: it is for wsgi apps"
    if deployment.adapter is not None:
        yield plan.problem((*key, "adapter"), f"{found} through an adapter", remedy)
    else:
        if any(each.startswith(f"{interface} through ") for each in servers[server]):
            remedy = f'set adapter = "a2wsgi", or choose another server; {remedy}'
        yield plan.problem((*key, "server"), found, remedy)


def _upstream_problems(plan: Plan) -> Iterator[Problem]:
    named = {
        (table, section, "environment", variable): value
        for table, sections in (("apps", plan.apps), ("deployments", plan.deployments))
        for section, content in sections.items()
        for variable, value in content.environment.items()
    }
    for key, value in named.items():
        for name in dict.fromkeys(UPSTREAM.findall(value)):
            if name not in plan.deployments:
                yield plan.unknown(key, "deployment", name, plan.deployments)
            elif name in (plan.baseline, *plan.candidates):
                remedy = "give the upstream its own deployment, neither baseline nor candidate"
                yield plan.problem(key, f"the upstream {name!r} is itself measured", remedy)
            elif plan.upstreams_of(name):
                found = f"the upstream {name!r} has an upstream itself"
                yield plan.problem(key, found, "give it an app that has none")


def _scenario_problems(plan: Plan) -> Iterator[Problem]:
    if not plan.scenarios:
        yield plan.problem(("scenarios",), "is missing", "add it")
    grid = plan.break_even
    if grid is not None and plan.scenarios != grid.scenarios(plan.rounds.seconds):
        remedy = "give each its own plan: [break_even] makes its own scenarios"
        yield plan.problem(("break_even",), "stands beside [scenarios]", remedy)
    fixed = [name for name in plan.scenarios if name not in plan.searches]
    for name in plan.searches if fixed else ():
        found = f"is searched for, while these scenarios have given levels: {', '.join(fixed)}"
        remedy = "give the scenarios with an objective their own plan"
        yield plan.problem(("scenarios", name, "load", "objective"), found, remedy)
    for name, scenario in plan.scenarios.items():
        for app in (each for each in scenario.slots if each not in plan.apps):
            yield plan.unknown(("scenarios", name, "slots", app), "app", app, plan.apps)
        least_s, window_s = ROUND_DELAYS * scenario.delay_s, plan.window_s(name)
        if window_s < least_s:
            delays = f"{ROUND_DELAYS} delays of {scenario.delay_s:g} s"
            found = f"rounds of {window_s:g} s are shorter than {delays}"
            remedy = f"set seconds = {least_s:g} or more for this scenario"
            yield plan.problem(("scenarios", name), found, remedy)


def _page_problems(plan: Plan) -> Iterator[Problem]:
    for name, page in plan.pages.items():
        key = ("pages", name, "scenario")
        if page.scenario is not None and page.scenario not in plan.scenarios:
            yield plan.unknown(key, "scenario", page.scenario, plan.scenarios)
        elif page.scenario is not None and isinstance(plan.scenarios[page.scenario].load, OpenLoad):
            found = f"{page.scenario!r} has a load of the open model"
            yield plan.problem(key, found, "name a scenario whose load is `users`")


def _request_problems(plan: Plan) -> Iterator[Problem]:
    for name, scenario in plan.scenarios.items():
        kept: frozenset[str] = frozenset()
        for place, step in enumerate(scenario.login):
            yield from _problems_of_request(plan, ("scenarios", name, "login", place), step, kept)
            kept = kept.union(step.keep)
        logged_in = kept if scenario.login else None
        if scenario.request is not None:
            yield from _problems_of_request(plan, ("scenarios", name, "request"), scenario.request, logged_in)
        for place, weighted in enumerate(scenario.requests):
            yield from _problems_of_request(plan, ("scenarios", name, "requests", place), weighted, logged_in)
    for place, request in enumerate(plan.parity.requests):
        yield from _problems_of_request(plan, ("parity", "requests", place), request, None)


def _problems_of_request(
    plan: Plan, key: Key, request: PlanRequest, kept: frozenset[str] | None
) -> Iterator[Problem]:
    """Check its files, its rows of values and its placeholders.

    `kept`: the names that the login keeps; None without a login.
    """
    folder = plan.path.parent
    columns: frozenset[str] = frozenset()
    try:
        request.specs(folder)
        if request.values is not None:
            columns = frozenset(read_rows(folder / request.values)[0].values)
    except InputError as error:
        yield from error.problems
        return
    if request.values is None and kept is None:
        return  # then braces are just braces
    used, known = request.placeholders, columns | (kept or frozenset())
    for name in sorted(used - known):
        yield plan.problem(key, f"nothing fills {{{name}}}", remedy_for_unknown(name, known))
    if columns and not used & columns:
        remedy = f"write {{column}} where a value goes, or remove `values`: {', '.join(sorted(columns))}"
        yield plan.problem((*key, "values"), "no column is used", remedy)


def _claim_problems(plan: Plan) -> Iterator[Problem]:
    for name, claim in plan.claims.items():
        for place, check in enumerate(claim.checks):
            for side, measured in (("of", check.of), ("to", check.to)):
                if measured is not None:
                    yield from _side_problems(plan, ("claims", name, "checks", place, side), measured)


def _side_problems(plan: Plan, key: Key, measured: Measured) -> Iterator[Problem]:
    arms = {BASELINE, CONTROL, *plan.candidates}
    if measured.arm not in arms:
        yield plan.unknown((*key, "arm"), "arm", measured.arm, arms)
    if measured.scenario is not None:
        yield from _level_problems(plan, key, measured.scenario, measured.level)
    elif measured.page not in plan.pages:
        yield plan.unknown((*key, "page"), "page", str(measured.page), plan.pages)
    else:
        yield from _unmeasured(plan, key, measured.level, plan.pages[measured.page].conditions)


def _gate_problems(plan: Plan) -> Iterator[Problem]:
    for place, gate in enumerate(plan.gates):
        key = ("gates", place)
        known = {*plan.candidates} | ({plan.baseline} if gate.against and not gate.relative else set())
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


def _level_problems(plan: Plan, key: Key, scenario: str, level: float | None) -> Iterator[Problem]:
    if scenario not in plan.scenarios:
        yield plan.unknown((*key, "scenario"), "scenario", scenario, plan.scenarios)
    elif scenario in plan.searches:
        found = "its rate is searched, and not measured at given levels"
        yield plan.problem((*key, "scenario"), found, "name a scenario with `users` or `rates`")
    elif level is not None:
        yield from _unmeasured(plan, key, level, plan.scenarios[scenario].load.levels)


def _unmeasured(plan: Plan, key: Key, level: float, levels: Collection[float]) -> Iterator[Problem]:
    if level not in levels:
        listed = ", ".join(f"{each:g}" for each in levels)
        yield plan.problem((*key, "level"), f"{level:g} is not measured", f"give one of {listed}")
