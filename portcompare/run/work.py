"""Counting the work of a plan's deployments: in a run, or alone."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from portcompare.analyse.work import compare_work
from portcompare.errors import InputError, Problem
from portcompare.plan import Plan
from portcompare.records.work import Work
from portcompare.run.parity import capture_requests
from portcompare.run.progress import Progress
from portcompare.run.recording import Recording
from portcompare.run.session import Session, open_session
from portcompare.work.counters import choose_method
from portcompare.work.counting import Orders, count_work

WORK_SHARE = 0.4  # So much of the time that a run has left may go into counting


def count_plan(plan: Plan, folder: Path, progress: Progress) -> Work:
    """Count the work of a plan's deployments; `folder`: of the logs of the servers.

    Raises InputError: with all that is wrong with plan, apps and servers, or there is nothing to count with.
    """
    method = choose_method()
    with open_session(plan, folder) as opened:
        session = capture_requests(opened, progress, progress.note)
        work = count_work(
            Orders(
                plan=session.plan,
                requests=session.requests,
                method=method,
                cpus=session.cpus,
                folder=folder,
                say=progress.start,
            )
        )
    return compare_work(work, plan.baseline, plan.rounds.margins["instructions"])


def find_counter_problems(plan: Plan) -> Sequence[Problem]:
    """Check that there is something to count with if a run is to count."""
    if plan.work is not None:
        try:
            choose_method()
        except InputError as error:
            return [replace(problem, where=plan.where("work")) for problem in error.problems]
    return ()


def count_in_run(session: Session, recording: Recording, progress: Progress, left_s: float) -> None:
    """Count what a plan wants counted, as far as there is time for it; `left_s`: for that and the load."""
    plan = session.plan
    if plan.work is None or recording.work is not None:  # it was counted before the run was resumed
        return
    work = count_work(
        Orders(
            plan=plan,
            requests=session.requests,
            method=choose_method(),
            cpus=session.cpus,
            folder=session.folder,
            deadline_s=time.monotonic() + WORK_SHARE * left_s,
            say=progress.start,
        )
    )
    recording.add_work(work)
    for name, reason in work.not_counted.items():
        recording.add_warning(f"the instructions of {name} were not counted: {reason}")
