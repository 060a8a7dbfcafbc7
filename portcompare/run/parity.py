"""Comparing the answers of a plan's servers, and what follows from that for the load."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from portcompare.errors import InputError, Problem
from portcompare.http.requests import http_request
from portcompare.parity import (
    READING,
    Asker,
    Explored,
    ask_alone,
    check_document,
    derive_cases,
    explore,
    fetch_document,
    find_missing_extra,
    identity,
    only_status,
    read_document,
    sum_up,
)
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.serve import prepare_arms, serve_deployments
from portcompare.wire.protocol import Capture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from portcompare.parity import Examined, ParityOutcome
    from portcompare.plan import Plan
    from portcompare.records.parity import Parity
    from portcompare.records.requests import Expectation, RequestSpec
    from portcompare.run.progress import Progress
    from portcompare.run.session import Session
    from portcompare.serve import RunningServer


def find_document_problems(plan: Plan) -> list[Problem]:
    """Find what is wrong with a plan's document as far as it can be known before a server runs."""
    if plan.parity.openapi is None:
        return []
    problems = find_missing_extra(plan.where("parity", "openapi"))
    if not problems and not _is_served(plan.parity.openapi):
        try:
            check_document(read_document(plan.resolve(Path(plan.parity.openapi))))
        except InputError as error:
            problems += error.problems
    return problems


def explore_document(
    plan: Plan, asker: Asker, baseline_url: str, cases: Sequence[RequestSpec], progress: Progress
) -> Explored:
    """Ask the cases of a plan's document.

    Raises InputError: the document cannot be used.
    """
    parity = plan.parity
    if parity.openapi is None:
        return Explored()
    document = (
        fetch_document(urljoin(baseline_url, parity.openapi), plan.rounds.timeout_s)
        if _is_served(parity.openapi)
        else read_document(plan.resolve(Path(parity.openapi)))
    )
    progress.start_exploring(document.where)
    return explore(
        document,
        asker,
        examples=parity.examples,
        seed=parity.seed,
        known=cases,
        on_case=progress.advance,
    )


def _is_served(openapi: str) -> bool:
    return openapi.startswith("/")


def ask_everything(
    session: Session, servers: Mapping[str, RunningServer], progress: Progress
) -> ParityOutcome:
    """Compare the answers of all arms, the control's too.

    Raises InputError: the plan's OpenAPI document cannot be used.
    """
    scenario_requests = [request for requests in session.requests.values() for request in requests]
    folder = session.plan.path.parent
    extra = [case for request in session.plan.parity.requests for case in request.specs(folder)]
    extra += [http_request(page.path) for page in session.plan.pages.values()]
    cases = derive_cases(scenario_requests, extra, session.plan.parity.vary)
    progress.start_parity(len(cases))
    with _make_asker(session.plan, servers) as asker:
        examined = []
        for case in cases:
            examined.append(asker.examine(case))
            progress.advance()
        # Only then what is made of a document: what its requests change, the plan's own do not meet.
        explored = explore_document(session.plan, asker, servers[BASELINE].url, cases, progress)
        examined += explored.examined
        # The load meets what the cases have written.
        has_written = any(map(_may_have_written, examined))
        read = {identity(request) for request in scenario_requests if request.method in READING}
        at_last = [asker.examine(one.case) for one in examined if has_written and identity(one.case) in read]
        return sum_up(asker, examined, at_last=at_last, seeds=explored.seeds)


def ask_differing_alone(session: Session, outcome: ParityOutcome, folder: Path, progress: Progress) -> Parity:
    """Ask the cases that differ once more, each alone on fresh servers."""
    plan = session.plan
    startable = frozenset(arm.name for arm in plan.arms if _starts_afresh(plan, arm.deployment))
    if outcome.parity.equal:
        return outcome.parity
    if BASELINE not in startable:
        unknown = (
            "whether differences come from what was asked before is not known: the baseline cannot be "
            "started afresh, as it runs already or its data is set up once in a run"
        )
        return replace(outcome.parity, warnings=(*outcome.parity.warnings, unknown))

    @contextmanager
    def serve_afresh(names: frozenset[str]) -> Iterator[Asker]:
        arms = {arm.name: arm.deployment for arm in plan.arms if arm.name in names | {BASELINE, CONTROL}}
        with (
            serve_deployments(plan, arms, folder=folder, cpus=session.cpus) as servers,
            _make_asker(plan, servers) as asker,
        ):
            yield asker

    progress.start_asking_alone()
    return ask_alone(outcome, startable, serve_afresh)


def _may_have_written(one: Examined) -> bool:
    """Whether a case may have changed other answers: it does more than read, and was not refused."""
    statuses = [expected.status for expected in one.expectations.values() if expected is not None]
    was_refused = len(statuses) == len(one.expectations) and min(statuses) >= HTTPStatus.BAD_REQUEST
    return one.case.method not in READING and not was_refused


def _starts_afresh(plan: Plan, deployment: str) -> bool:
    """Whether its servers know nothing of earlier ones; what `setup` has made stays for the run."""
    return plan.deployments[deployment].url is None and not plan.app_of(deployment).setup


def _make_asker(plan: Plan, servers: Mapping[str, RunningServer]) -> Asker:
    # A control that is the very same server as the baseline would write everything twice there.
    left_out = {BASELINE} if plan.deployments[plan.baseline].url is None else {BASELINE, CONTROL}
    return Asker(
        servers[BASELINE].url,
        {arm: server.url for arm, server in servers.items() if arm not in left_out},
        timeout_s=plan.rounds.timeout_s,
        allow=plan.parity.allow,
    )


def find_writing(session: Session) -> tuple[str, ...]:
    """The scenarios that write: any method but GET, HEAD and OPTIONS may change what later answers are."""
    return tuple(
        name
        for name, requests in session.requests.items()
        if any(request.method not in READING for request in requests)
    )


def expect(session: Session, scenario: str, arm: str, outcome: ParityOutcome) -> dict[int, Expectation]:
    """What an arm's answers to a scenario must look like under load."""
    known = {
        place: expected
        for place, request in enumerate(session.requests[scenario])
        if (expected := outcome.expectation(request, arm)) is not None
    }
    if scenario not in find_writing(session):
        return known
    return {place: only_status(expected) for place, expected in known.items()}


def tell_unchecked(session: Session, outcome: ParityOutcome) -> Iterator[str]:
    """What a careful reader should know of the check: what of it the load cannot be held to."""
    yield from outcome.unused
    writing = find_writing(session)
    if writing:
        names = ", ".join(writing)
        yield f"{names}: asks more than to read, so under load only the statuses of its answers are checked"
        yield (
            "the answers are not compared again after the load: each deployment has been written to by then, "
            "as often as it is fast"
        )
    for scenario, requests in session.requests.items():
        changing = [request.name for request in requests if outcome.expectation(request) is None]
        for name in dict.fromkeys(changing):
            yield (
                f"{scenario}: {name} is answered with another status when asked again, so under load "
                "any status below 400 will do"
            )


_ARM = "dry-pass"
"""The name of its server among the arms: so its log is called, and what `setup` makes for it."""


def capture_requests(
    session: Session, folder: Path, progress: Progress, warn: Callable[[str], None]
) -> Session:
    """Run one user of each class that is no `LeanUser` for a moment, to compare answers to what it asks for.

    A baseline of its own answers, with setup and teardown, so that what the users write is on none of the
    servers that are compared; only where it runs elsewhere is it the very same.

    Raises InputError: with all that is wrong with the classes.
    Raises ServerError: the baseline did not start, or died.
    Raises LoadGeneratorError: the load generator died.
    """
    if not session.to_capture:
        return session
    plan, requests, problems = session.plan, dict(session.requests), []
    arms = {_ARM: plan.baseline}
    with (
        prepare_arms(plan, arms, folder=folder, cpus=session.cpus),
        serve_deployments(plan, arms, folder=folder, cpus=session.cpus) as servers,
    ):
        for scenario in session.to_capture:
            progress.start_dry_pass(scenario)
            captured = session.generator.capture(Capture(scenario=scenario, url=servers[_ARM].url))
            requests[scenario] = captured.requests
            if captured.problem is not None:
                found, remedy = captured.problem
                where = plan.where("scenarios", scenario, "user")
                problems.append(Problem(where=where, found=found, remedy=remedy))
            elif captured.elsewhere:
                asked = ", ".join(captured.elsewhere)
                warn(f"{scenario} also asks {asked}: these requests are measured, their answers not compared")
    if problems:
        raise InputError(problems)
    return replace(session, requests=requests, to_capture=())
