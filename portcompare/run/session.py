"""What every command that serves a plan begins with: the checks, the load generator and the upstreams."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from portcompare.browser import find_chromium
from portcompare.errors import InputError, Problem
from portcompare.measure.generator import LoadGenerator, prepare_scenarios, start_generator
from portcompare.measure.turns import find_descriptor_problems
from portcompare.parity.openapi import find_missing_extra, read_document
from portcompare.plan import Plan
from portcompare.records.requests import LoginStep, RequestSpec, Route
from portcompare.run.workers import ALONE, Workers, find_unreachable
from portcompare.serve import CpuAssignment, RunningServer, assign_cpus, preflight, serve_upstreams
from portcompare.wire.protocol import Joined

GENERATOR_LOG = "loadgen.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A plan without problems, and the load generator that has loaded its scenarios."""

    plan: Plan  # with the addresses of the upstreams in its environments
    cpus: CpuAssignment
    folder: Path  # of the logs of its processes
    generator: LoadGenerator
    requests: Mapping[str, tuple[RequestSpec, ...]]  # by scenario
    # By scenario, the steps of its login, each with its variants by user
    logins: Mapping[str, tuple[tuple[LoginStep, ...], ...]] = field(default_factory=dict)
    # The scenarios whose requests are not known yet: one of their users must run first
    to_capture: tuple[str, ...] = ()
    can_take_turns: tuple[str, ...] = ()  # The scenarios whose users can wait between two requests, here
    upstreams: Mapping[str, RunningServer] = field(default_factory=dict)  # by name
    routes: Mapping[str, tuple[Route, ...]] = field(default_factory=dict)  # by app, where they are known

    def check_upstreams(self) -> None:
        """Raise ServerError if one has died."""
        for upstream in self.upstreams.values():
            upstream.check_alive()


@contextmanager
def open_session(
    plan: Plan,
    folder: Path,
    known: Sequence[Problem] = (),
    workers: Workers = ALONE,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Session]:
    """Check all that a plan needs before any server is started; start load generator and upstreams.

    Raises InputError: with all that is wrong, with apps, servers, ports and scenarios alike.
    Raises ServerError: an upstream did not start, or died.
    Raises LoadGeneratorError: the load generator died, or a worker did before it had joined.
    """
    checked = preflight(plan)
    problems = [
        *known,
        *find_browser_problems(plan),
        *find_document_problems(plan),
        *find_descriptor_problems(plan, in_turns=workers.order(()) is None),
        *checked.problems,
        *find_unreachable(workers, plan),
    ]
    cpus = assign_cpus(plan, workers.processes)
    gather = workers.order(cpus.generator)
    log_path = folder / GENERATOR_LOG
    with start_generator(log_path, cpus.generator, plan.path.parent) as generator, ExitStack() as stack:
        # This very process keeps off the servers' CPUs as well.
        stack.callback(os.sched_setaffinity, 0, os.sched_getaffinity(0))
        os.sched_setaffinity(0, cpus.generator)
        prepared = prepare_scenarios(generator, plan, problems)
        if gather is not None:  # only now: nobody waits for workers to learn of a mistake

            def report(joined: Joined) -> None:
                names = ", ".join(joined.workers) or "none yet"
                say(f"waiting for load workers at {joined.address}; joined: {names}")

            generator.on_worker = lambda change: say(change.text)
            generator.gather(gather, report)
            prepared = prepare_scenarios(generator, plan)
        with serve_upstreams(plan, folder=folder, cpus=cpus) as upstreams:
            yield Session(
                plan=plan.with_addresses({name: server.url for name, server in upstreams.items()}),
                cpus=cpus,
                folder=folder,
                generator=generator,
                requests=prepared.requests,
                logins=prepared.logins,
                to_capture=prepared.to_capture,
                can_take_turns=prepared.can_take_turns if gather is None else (),
                upstreams=upstreams,
                routes=checked.routes,
            )


def find_browser_problems(plan: Plan) -> Sequence[Problem]:
    """Check that there is a browser for a plan's pages."""
    if plan.pages:
        try:
            find_chromium()
        except InputError as error:
            return error.problems
    return ()


def find_document_problems(plan: Plan) -> list[Problem]:
    """Check a plan's OpenAPI document as far as is possible before a server runs."""
    if plan.parity.openapi is None:
        return []
    problems = find_missing_extra(plan.where("parity", "openapi"))
    if problems or plan.parity.openapi.startswith("/"):
        return problems
    from portcompare.parity.openapi_search import check_document  # noqa: PLC0415 - of an optional extra

    try:
        document = read_document(plan.resolve(Path(plan.parity.openapi)))
        check_document(document)
    except InputError as error:
        return [*error.problems]
    return []
