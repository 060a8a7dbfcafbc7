"""A check as a whole: serve all arms, compare their responses, send what differs again to fresh servers."""

import os
from dataclasses import replace
from pathlib import Path

from portcompare.parity.logs import SHOW_WARNINGS
from portcompare.parity.outcome import ParityOutcome, mask_parity
from portcompare.parity.survey import Limits
from portcompare.plan import Plan
from portcompare.run.parity import capture_requests, check_parity, recheck_differences
from portcompare.run.phases import prepare, serve
from portcompare.run.progress import Progress
from portcompare.run.session import open_session
from portcompare.serve.contacts import describe_contacts, watch_contacts


def check_plan(plan: Plan, folder: Path, limits: Limits, progress: Progress) -> ParityOutcome:
    """Compare the responses of a plan's arms; the record has all warnings.

    `folder`: of the logs of the servers.
    Raises InputError: with all that is wrong with plan, apps, servers and logins.
    Raises ServerError: a server did not start, or died.
    """
    warnings: list[str] = []
    with open_session(show_warnings(plan), folder) as session, prepare(session, progress):
        watched = replace(session, plan=watch_contacts(session.plan, session.folder))
        captured = capture_requests(watched, progress, warnings.append)
        with serve(watched) as servers:
            outcome = check_parity(captured, servers, progress, limits)
            ports = {each.port for each in (*servers.values(), *session.upstreams.values())}
            warnings += describe_contacts(session.folder, servers, ports)
        parity = recheck_differences(session, outcome, progress)
    warnings += (*parity.warnings, *outcome.unused_allowances)
    return replace(outcome, parity=mask_parity(replace(parity, warnings=tuple(warnings))))


def show_warnings(plan: Plan) -> Plan:
    """A plan whose servers log what the app has not closed, unless the plan or the user decides otherwise."""
    if not os.environ.keys().isdisjoint(SHOW_WARNINGS):
        return plan
    deployments = {
        name: one.model_copy(
            update={"environment": SHOW_WARNINGS | plan.app_of(name).environment | one.environment}
        )
        for name, one in plan.deployments.items()
    }
    return plan.model_copy(update={"deployments": deployments})
