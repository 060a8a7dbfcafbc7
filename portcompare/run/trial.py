"""A trial of a port: made by rule, compared with the Flask app, and measured; the project does not change."""

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from portcompare.discover.apps import find_python, import_app, look_at_project
from portcompare.discover.draft import Draft, choose_scenarios, draft_plan
from portcompare.discover.texts import DEFAULT_LOCUSTFILE, locustfile_text, plan_text
from portcompare.errors import InputError, Problem, refuse
from portcompare.parity.survey import Limits
from portcompare.plan import Plan, load_plan
from portcompare.port.make import port_project
from portcompare.port.project import write_port
from portcompare.port.records import Port
from portcompare.records.parity import Parity
from portcompare.records.results import Results
from portcompare.run.check import check_plan
from portcompare.run.comparison import RunOptions, compare, make_folder
from portcompare.run.progress import Progress
from portcompare.run.workers import choose_workers
from portcompare.serve.copies import copy_project, list_project
from portcompare.serve.servers import vocabulary
from portcompare.units import duration

LEAST_RUN_S = 60.0  # a shorter run has no verdict
MOST_COPIED_BYTES = 100_000_000  # each arm gets a copy before each start of its server
CHECK_SHARE = 0.25  # of the time, at most for the first comparison of the responses


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a trial has shown."""

    port: Port
    parity: Parity
    results: Results | None  # None if no request could be measured


def try_port(project: Path, folder: Path, *, budget_s: float, writes: bool, progress: Progress) -> Trial:
    """Port a Flask project, compare the responses, and measure the requests that are responded to alike.

    `folder`: where copies, port, plan and results are written.
    `writes`: send requests that change data, too; they are compared only.
    Raises InputError: there is no Flask app, or what is needed to serve it is not installed.
    """
    end_s = time.monotonic() + budget_s
    progress.start("porting the project")
    made = port_project(project)
    if made is None:
        remedy = "compare it with its Flask app: `portcompare init`"
        raise refuse(str(project), "is Quart already: there is nothing to port", remedy)
    with make_folder(folder):
        flask, quart = (folder / side / project.name for side in ("flask", "quart"))
        copy_project(project, flask)
        copy_project(flask, quart)
        write_port(made, quart)
        progress.start("importing both apps, and trying the routes of the Flask app")
        try:
            draft = _draft(project, flask, quart, writes=writes)
        except InputError:
            for copy in (flask, quart):
                shutil.rmtree(copy.parent)
            raise
        plan = _write_plan(draft, folder)
        limit_s = budget_s * CHECK_SHARE
        limits = Limits(deadline_s=time.monotonic() + limit_s, budget=duration(limit_s))
        (folder / "check").mkdir()
        parity = check_plan(plan, folder / "check", limits, progress).parity
    alike = _keep_alike(draft, parity)
    if alike is None:
        return Trial(port=made, parity=parity, results=None)
    plan = _write_plan(alike, folder)
    left_s = max(end_s - time.monotonic(), LEAST_RUN_S)
    rounds = plan.rounds.model_copy(update={"budget_s": left_s})
    plan = plan.model_copy(update={"rounds": rounds})
    options = RunOptions(
        folder=folder / "run",
        workers=choose_workers(1, 0, None),
        left_out=None,
        began_s=time.monotonic(),  # left_s is counted from here
    )
    return Trial(port=made, parity=parity, results=compare(plan, options, progress))


def _draft(project: Path, flask: Path, quart: Path, *, writes: bool) -> Draft:
    """The plan for the copy of a project and its port; the interpreter of the project runs both."""
    python = find_python(project, project)
    found = look_at_project(flask, python)
    definition = found.baseline.definition
    ported = replace(definition, file=quart / definition.file.relative_to(flask), framework="quart")
    candidate = import_app(ported, quart, python)
    problems = [
        Problem(where=one.target, found=f"cannot be imported: {one.problem}", remedy=remedy)
        for one, remedy in ((found.baseline, "correct it"), (candidate, "port it by hand: portcompare port"))
        if one.problem
    ]
    if problems:
        raise InputError(problems)
    in_copies = sum(file.stat().st_size for file in list_project(flask)) <= MOST_COPIED_BYTES
    found = replace(found, candidate=candidate)
    draft = draft_plan(found, with_alternative=True, writes=writes, in_copies=in_copies)
    if draft.to_install:
        needs = " && ".join(draft.to_install)
        raise refuse(str(project), "cannot be served by its interpreter as it is", f"install: {needs}")
    return draft


def _write_plan(draft: Draft, folder: Path) -> Plan:
    texts = {
        folder / "plan.toml": plan_text(draft, folder, DEFAULT_LOCUSTFILE),
        folder / DEFAULT_LOCUSTFILE: locustfile_text(draft, DEFAULT_LOCUSTFILE),
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return load_plan(folder / "plan.toml", vocabulary())


def _keep_alike(draft: Draft, parity: Parity) -> Draft | None:
    """The draft with the requests alone whose responses are alike; None if there are none."""
    differing = {one.case for one in parity.differences if one.counts} | {one.case for one in parity.faults}
    load = [one for one in draft.requests.load if str(one) not in differing]
    if not load:
        return None
    requests = replace(draft.requests, load=load)
    return replace(draft, requests=requests, scenarios=tuple(choose_scenarios(requests)))
