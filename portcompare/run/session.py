"""What every command that serves a plan begins with: the plan, checked, and what its scenarios ask for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portcompare.errors import InputError, Problem
from portcompare.measure import LoadGenerator, start_generator
from portcompare.plan import OpenLoad, Plan, load_plan, with_addresses
from portcompare.records.requests import RequestSpec
from portcompare.run.parity import find_document_problems
from portcompare.run.phases import find_browser_problems
from portcompare.run.recording import GENERATOR_LOG
from portcompare.run.workers import ALONE, Workers, find_unreachable
from portcompare.serve import (
    CpuAssignment,
    RunningServer,
    assign_cpus,
    preflight,
    serve_upstreams,
    vocabulary,
)
from portcompare.wire.protocol import Prepare, ScenarioSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from portcompare.wire.protocol import Joined, Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A plan that is in order, and the load generator that knows its scenarios."""

    plan: Plan  # The plan; its environments say where the upstreams are
    cpus: CpuAssignment  # Who runs where
    generator: LoadGenerator  # The load generator
    requests: Mapping[str, tuple[RequestSpec, ...]]  # What each scenario asks for
    # The scenarios of which that is not known yet: one of their users must run first
    to_capture: tuple[str, ...] = ()
    upstreams: Mapping[str, RunningServer] = field(default_factory=dict)  # What the arms depend on, by name

    def check_upstreams(self) -> None:
        """Make sure that what the arms depend on still runs.

        Raises ServerError: one does not.
        """
        for upstream in self.upstreams.values():
            upstream.check_alive()


def read_plan(path: Path, known: Sequence[Problem] = ()) -> Plan:
    """Read a plan.

    Raises InputError with every problem of the plan and those that are known already.
    """
    try:
        plan = load_plan(path, vocabulary())
    except InputError as error:
        raise InputError([*error.problems, *known]) from error
    if known:
        raise InputError(known)
    return plan


@contextmanager
def open_session(
    plan: Plan,
    log_folder: Path,
    known: Sequence[Problem] = (),
    workers: Workers = ALONE,
    on_joined: Callable[[Joined], None] = lambda _: None,
) -> Iterator[Session]:
    """Check all that a plan needs before any server is started; start load generator and upstreams.

    Raises InputError: with all that is wrong, with apps, servers, ports and scenarios alike.
    Raises ServerError: an upstream did not start, or died.
    Raises LoadGeneratorError: the load generator died, or a worker did before it had joined.
    """
    problems = [
        *known,
        *preflight(plan),
        *find_unreachable(workers, plan),
        *find_document_problems(plan),
        *find_browser_problems(plan),
    ]
    cpus = assign_cpus(plan, workers.processes)
    log_path = log_folder / GENERATOR_LOG
    with (
        _keep_to(cpus.generator),
        start_generator(log_path, cpus.generator, plan.path.parent) as generator,
    ):
        order = _order(plan, problems)
        prepared = generator.prepare(order)
        problems += _scenario_problems(plan, prepared)
        if problems:
            raise InputError(problems)
        gather = workers.order(cpus.generator)
        if gather is not None:  # only now: nobody waits for workers to be told of a mistake
            generator.gather(gather, on_joined)
            prepared = generator.prepare(order)
            problems += _scenario_problems(plan, prepared)
            if problems:
                raise InputError(problems)
        with serve_upstreams(plan, folder=log_folder, cpus=cpus) as upstreams:
            yield Session(
                plan=with_addresses(plan, {name: server.url for name, server in upstreams.items()}),
                cpus=cpus,
                generator=generator,
                requests=prepared.requests,
                to_capture=prepared.to_capture,
                upstreams=upstreams,
            )


@contextmanager
def _keep_to(cpus: tuple[int, ...]) -> Iterator[None]:
    """Have this very process keep off the servers' CPUs as well, as long as the context lasts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _order(plan: Plan, problems: list[Problem]) -> Prepare:
    """The order to load a plan's scenarios; what is wrong with files they name is added to the problems."""
    locustfile = plan.resolve(plan.locustfile)
    folder = plan.path.parent
    sources = {}
    for name, scenario in plan.scenarios.items():
        try:
            sources[name] = ScenarioSource(
                user=scenario.user,
                requests=scenario.weighted_specs(folder),
                login=scenario.login_steps(folder),
                is_paced=isinstance(scenario.load, OpenLoad),
                query=(
                    (scenario.delay_parameter, f"{scenario.delay_s:.15g}")
                    if scenario.delay_parameter is not None
                    else None
                ),
            )
        except InputError as error:  # told already, unless the file has changed since
            problems += [problem for problem in error.problems if problem not in problems]
    return Prepare(locustfile=str(locustfile) if locustfile.exists() else None, scenarios=sources)


def _scenario_problems(plan: Plan, prepared: Prepared) -> Iterator[Problem]:
    locustfile = plan.resolve(plan.locustfile)
    if not locustfile.exists() and any(scenario.user for scenario in plan.scenarios.values()):
        yield Problem(
            where=plan.where("locustfile"),
            found=f"there is no {locustfile}",
            remedy="name the file that holds the user classes, or give each scenario a `request`",
        )
        return
    for name, (found, remedy) in prepared.problems.items():
        scenario = plan.scenarios[name]
        key = "user" if scenario.user else "request" if scenario.request else "requests"
        yield Problem(where=plan.where("scenarios", name, key), found=found, remedy=remedy)
