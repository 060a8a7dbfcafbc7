"""The dry pass: what user classes ask for that do not say so themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.errors import InputError, Problem
from portcompare.protocol import Capture
from portcompare.serve import prepare_arms, serve_deployments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portcompare.cli.progress import Progress
    from portcompare.cli.session import Session

_ARM = "dry-pass"
"""The name of its server among the arms: so its log is called, and what `setup` makes for it."""


def capture_requests(
    session: Session, folder: Path, progress: Progress, warn: Callable[[str], None]
) -> Session:
    """Run one user of each class that is no `LeanUser` for a moment, to compare answers to what it asks for.

    A baseline of its own answers, with setup and teardown, so that what the users write is on none of the
    servers that are compared; only where it runs elsewhere is it the very same.

    Args:
        session: The plan and its load generator.
        folder: Where that server's log goes.
        progress: Told of each scenario.
        warn: Told, in a clause, of what the comparison cannot cover.

    Returns:
        The session, the requests of all scenarios known.

    Raises:
        InputError: With all that is wrong with the classes.
        ServerError: The baseline did not start, or died.
        LoadGeneratorError: The load generator died.
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
