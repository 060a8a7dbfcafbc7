"""What every command that serves a plan begins with: the plan, checked, and what its scenarios ask for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.cli.folder import GENERATOR_LOG
from portcompare.errors import InputError, Problem
from portcompare.measure import LoadGenerator, start_generator
from portcompare.model import RequestSpec
from portcompare.plan import Plan, load_plan
from portcompare.protocol import Prepare, ScenarioSource
from portcompare.serve import CpuAssignment, assign_cpus, preflight, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portcompare.protocol import Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A plan that is in order, and the load generator that knows its scenarios.

    Attributes:
        plan: The plan.
        cpus: Who runs where.
        generator: The load generator.
        requests: What each scenario asks for.
    """

    plan: Plan
    cpus: CpuAssignment
    generator: LoadGenerator
    requests: Mapping[str, tuple[RequestSpec, ...]]


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Args:
        path: The plan file.

    Returns:
        The plan.

    Raises:
        InputError: With all that is wrong with it.
    """
    return load_plan(path, vocabulary())


@contextmanager
def open_session(plan: Plan, log_folder: Path) -> Iterator[Session]:
    """Check all that a plan needs before any server is started, and start the load generator.

    Args:
        plan: The plan.
        log_folder: Where the load generator's log is appended.

    Yields:
        The session.

    Raises:
        InputError: With all that is wrong, with apps, servers, ports and scenarios alike.
    """
    problems = preflight(plan)
    cpus = assign_cpus(plan)
    log_path = log_folder / GENERATOR_LOG
    with start_generator(log_path, cpus.generator, plan.path.parent) as generator:
        prepared = generator.prepare(_order(plan))
        problems += _scenario_problems(plan, prepared)
        if problems:
            raise InputError(problems)
        yield Session(plan=plan, cpus=cpus, generator=generator, requests=prepared.requests)


def _order(plan: Plan) -> Prepare:
    locustfile = plan.resolve(plan.locustfile)
    return Prepare(
        locustfile=str(locustfile) if locustfile.exists() else None,
        scenarios={
            name: ScenarioSource(
                user=scenario.user,
                request=scenario.request.spec() if scenario.request is not None else None,
            )
            for name, scenario in plan.scenarios.items()
        },
    )


def _scenario_problems(plan: Plan, prepared: Prepared) -> Iterator[Problem]:
    locustfile = plan.resolve(plan.locustfile)
    if not locustfile.exists() and any(scenario.user for scenario in plan.scenarios.values()):
        yield Problem(
            where=f"{plan.path}: locustfile",
            found=f"there is no {locustfile}",
            remedy="name the file that holds the user classes, or give each scenario a `request`",
        )
        return
    for name, (found, remedy) in prepared.problems.items():
        yield Problem(where=f"{plan.path}: scenarios.{name}.user", found=found, remedy=remedy)
