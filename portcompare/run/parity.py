"""Comparing the responses of a plan's servers, and what the load is held to because of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urljoin

from portcompare.errors import InputError, Problem
from portcompare.http.requests import http_request
from portcompare.parity.cases import SAFE_METHODS, cover_routes, identity
from portcompare.parity.checker import CaseResult, ParityChecker
from portcompare.parity.compare import only_status
from portcompare.parity.logs import ServerLog, compare_logs
from portcompare.parity.openapi import OpenApiDocument, fetch_document, read_document
from portcompare.parity.outcome import Explored, ParityOutcome, recheck_alone, sum_up
from portcompare.parity.sending import ArmClient
from portcompare.parity.survey import Limits, survey
from portcompare.plan import Plan
from portcompare.records.parity import Parity
from portcompare.records.requests import Expectation, RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.run.progress import Progress
from portcompare.run.session import Session
from portcompare.serve import RunningServer, assign_ports, prepare_arms, serve_deployments
from portcompare.wire.protocol import Capture

# The name of the dry pass's server among the arms: of its log, and of what `setup` makes for it.
_CAPTURE_ARM = "dry-pass"

_NEVER_ENDS = "never ends: it can be compared but not measured"
_NOT_AS_LOAD = "measure a request whose response ends, and move this one to [[parity.requests]]"


def check_parity(
    session: Session, servers: Mapping[str, RunningServer], progress: Progress, limits: Limits
) -> ParityOutcome:
    """Compare the responses of all arms, the control included.

    Raises InputError: a login fails on the baseline, or the plan's OpenAPI document cannot be used.
    """
    plan = session.plan
    scenario_requests = [request for requests in session.requests.values() for request in requests]
    parity_requests = [case for request in plan.parity.requests for case in request.specs(plan.path.parent)]
    parity_requests += [http_request(page.path) for page in plan.pages.values()]
    progress.start("comparing responses")
    limits = replace(limits, count=progress.count, advance=progress.advance)
    with _make_checker(plan, servers) as checker:
        found = survey(checker, scenario_requests, parity_requests, plan.parity.vary, limits)
        results = [*found.own, *found.varied]
        # The document's cases come last: what they write does not affect the plan's own.
        explored = Explored()
        if not limits.is_quick and not limits.is_up():
            known = [each.case for each in results]
            explored = explore_document(plan, checker, servers[BASELINE].url, known, progress)
        # Under load, the servers respond with what the cases have written.
        later = []
        if any(map(_may_have_written, results)):
            read = {identity(request) for request in scenario_requests if request.method in SAFE_METHODS}
            later = checker.check_all([each.case for each in found.own if identity(each.case) in read])
        logs = {arm: client.log for arm, client in checker.clients.items() if client.log is not None}
        outcome = sum_up(
            checker,
            found,
            explored=explored,
            later=later,
            logged=list(compare_logs(logs)),
            warnings=[
                f"the baseline's log: {f'{place}: ' if place else ''}{text}"
                for text, place in (logs[BASELINE].find_warnings() if BASELINE in logs else {}).items()
            ],
        )
    sent = (*scenario_requests, *parity_requests, *(each.case for each in explored.results))
    coverage = cover_routes(outcome.parity.coverage, session.routes, sent)
    return replace(outcome, parity=replace(outcome.parity, coverage=coverage))


def explore_document(
    plan: Plan, checker: ParityChecker, baseline_url: str, cases: Sequence[RequestSpec], progress: Progress
) -> Explored:
    """Check the cases of a plan's OpenAPI document, if it has one.

    Raises InputError: the document cannot be used.
    """
    parity = plan.parity
    if parity.openapi is None:
        return Explored()
    from portcompare.parity.openapi_search import explore  # noqa: PLC0415 - of an optional extra

    document = _get_document(plan, parity.openapi, baseline_url)
    progress.start(f"comparing responses, cases of {document.where}")
    progress.count(None)
    return explore(
        document, checker, examples=parity.examples, seed=parity.seed, known=cases, on_case=progress.advance
    )


def _get_document(plan: Plan, location: str, baseline_url: str) -> OpenApiDocument:
    if location.startswith("/"):
        return fetch_document(urljoin(baseline_url, location), plan.parity.timeout_s)
    return read_document(plan.resolve(Path(location)))


def _may_have_written(result: CaseResult) -> bool:
    """Whether a case may have changed the responses to others: it was not just read, and not refused."""
    statuses = [expected.status for expected in result.expectations.values() if expected is not None]
    was_refused = len(statuses) == len(result.expectations) and min(statuses) >= HTTPStatus.BAD_REQUEST
    return result.case.method not in SAFE_METHODS and not was_refused


def _make_checker(plan: Plan, servers: Mapping[str, RunningServer]) -> ParityChecker:
    # A control that is the very same server as the baseline would receive all writes twice.
    left_out = None if plan.deployments[plan.baseline].url is None else CONTROL
    ports = assign_ports(plan)  # Where `portcompare up` serves them, when these servers are gone
    clients = {
        arm: ArmClient(
            server.url,
            plan.parity.timeout_s,
            ServerLog(server.log) if server.log else None,
            shown_url=f"http://{plan.host}:{ports[server.deployment]}" if server.deployment in ports else "",
        )
        for arm, server in servers.items()
        if arm != left_out
    }
    return ParityChecker(clients, allow=plan.parity.allow)


def without_faulty_scenarios(session: Session, outcome: ParityOutcome) -> Session:
    """A session whose plan has only those scenarios whose requests work, and whose responses end.

    Raises InputError: no scenario is left.
    """
    faults = {identity(outcome.cases[each.case]): each for each in outcome.parity.faults}
    problems = {
        name: Problem(
            where=session.plan.where("scenarios", name),
            found=f"{fault.case}: {fault.found}" if fault is not None else f"{request.name} {_NEVER_ENDS}",
            remedy=fault.remedy if fault is not None else _NOT_AS_LOAD,
        )
        for name, requests in session.requests.items()
        for request in requests
        if (fault := faults.get(identity(request))) is not None or identity(request) in outcome.streams
    }
    scenarios = {name: each for name, each in session.plan.scenarios.items() if name not in problems}
    if not problems:
        return session
    if not scenarios or session.plan.break_even is not None:
        raise InputError(problems.values())
    pages = {name: each for name, each in session.plan.pages.items() if each.scenario not in problems}
    plan = session.plan.model_copy(update={"scenarios": scenarios, "pages": pages})
    requests = {name: each for name, each in session.requests.items() if name in scenarios}
    return replace(session, plan=plan, requests=requests)


def recheck_differences(session: Session, outcome: ParityOutcome, progress: Progress) -> Parity:
    """Send the cases that differ once more, to fresh servers."""
    plan = session.plan
    startable = frozenset(arm.name for arm in plan.arms if _starts_afresh(plan, arm.deployment))
    if not any(each.may_come_from_order for each in outcome.parity.differences):
        return outcome.parity
    if BASELINE not in startable:
        unknown = (
            "whether differences come from what was sent before is not known: the baseline cannot be started "
            "afresh, as it runs already or its data is set up once in a run"
        )
        return replace(outcome.parity, warnings=(*outcome.parity.warnings, unknown))

    @contextmanager
    def serve_afresh(names: frozenset[str]) -> Iterator[ParityChecker]:
        arms = {arm.name: arm.deployment for arm in plan.arms if arm.name in names | {BASELINE, CONTROL}}
        with (
            serve_deployments(plan, arms, folder=session.folder, cpus=session.cpus) as servers,
            _make_checker(plan, servers) as checker,
        ):
            yield checker

    progress.start("sending the cases that differ again, each to fresh servers")
    return recheck_alone(outcome, startable, serve_afresh)


def _starts_afresh(plan: Plan, deployment: str) -> bool:
    """Whether its servers know nothing of earlier ones; the data that `setup` makes stays for the run."""
    return plan.deployments[deployment].url is None and not plan.app_of(deployment).setup


def find_writing(session: Session) -> tuple[str, ...]:
    """The scenarios that write: of their requests one at least is not GET, HEAD or OPTIONS."""
    return tuple(
        name
        for name, requests in session.requests.items()
        if any(request.method not in SAFE_METHODS for request in requests)
    )


def expect(session: Session, scenario: str, arm: str, outcome: ParityOutcome) -> dict[int, Expectation]:
    """What an arm's responses to a scenario must be under load, by the index of the request."""
    known = {
        index: expected
        for index, request in enumerate(session.requests[scenario])
        if (expected := outcome.expectation(request, arm)) is not None
    }
    if scenario not in find_writing(session):
        return known
    return {index: only_status(expected) for index, expected in known.items()}


def warn_of_unchecked(session: Session, outcome: ParityOutcome) -> Iterator[str]:
    """Warnings of what is not compared under load and after it, and of allowances that nothing needs."""
    yield from outcome.unused_allowances
    for fault in outcome.parity.faults:
        yield f"not measured, as {fault.case} does not work on the baseline: {fault.found}; {fault.remedy}"
    for scenario, requests in session.requests.items():
        for name in dict.fromkeys(each.name for each in requests if identity(each) in outcome.streams):
            yield f"{scenario}: not measured, as {name} {_NEVER_ENDS}; {_NOT_AS_LOAD}"
    writing = find_writing(session)
    if writing:
        yield f"{', '.join(writing)}: writes, so under load only the status of its responses is checked"
        yield (
            "the responses are not compared again after the load: each deployment has been written to by "
            "then, as often as it is fast"
        )
    for scenario, requests in session.requests.items():
        changing = [request.name for request in requests if outcome.expectation(request) is None]
        for name in dict.fromkeys(changing):
            yield (
                f"{scenario}: the response to {name} has another status when it is sent again, so under load "
                "any status below 400 is accepted"
            )


def capture_requests(session: Session, progress: Progress, warn: Callable[[str], None]) -> Session:
    """Run one user of each class that is no `LeanUser` for a moment, to know the requests it sends.

    They go to a baseline server of its own, with setup and teardown, so that what the users write is on none
    of the servers that are compared; only where the baseline runs elsewhere it is the very same.

    Raises InputError: with all that is wrong with the classes.
    Raises ServerError: the baseline did not start, or died.
    Raises LoadGeneratorError: the load generator died.
    """
    if not session.to_capture:
        return session
    plan, requests, problems = session.plan, dict(session.requests), []
    arms = {_CAPTURE_ARM: plan.baseline}
    with (
        prepare_arms(plan, arms, folder=session.folder, cpus=session.cpus),
        serve_deployments(plan, arms, folder=session.folder, cpus=session.cpus) as servers,
    ):
        for scenario in session.to_capture:
            progress.start(f"capturing the requests of {scenario}")
            captured = session.generator.capture(Capture(scenario=scenario, url=servers[_CAPTURE_ARM].url))
            requests[scenario] = captured.requests
            if captured.problem is not None:
                found, remedy = captured.problem
                where = plan.where("scenarios", scenario, "user")
                problems.append(Problem(where=where, found=found, remedy=remedy))
            elif captured.elsewhere:
                others = ", ".join(captured.elsewhere)
                warn(f"{scenario} also sends requests to {others}: they are measured, and not compared")
    if problems:
        raise InputError(problems)
    return replace(session, requests=requests, to_capture=())
