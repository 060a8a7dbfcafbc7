"""How many requests each deployment of a run handles at once, where it is fewer than its server could."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from portcompare.plan import Plan
from portcompare.records.manifest import Ceiling, ServedDeployment
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import CONTROL
from portcompare.run.progress import Progress
from portcompare.run.recording import Recording
from portcompare.run.session import Session
from portcompare.serve import RunningServer
from portcompare.serve.slots import observe_slots

SLOTS_SHARE = 0.05  # So much of a run's time may go into it


def observe_in_run(
    session: Session, recording: Recording, progress: Progress, servers: Mapping[str, RunningServer]
) -> None:
    """Observe idle servers, as far as there is time for it, and keep what is fewer than their slots."""
    plan, manifest = session.plan, recording.manifest
    end_s = time.monotonic() + SLOTS_SHARE * plan.rounds.budget_s
    arms = {arm.deployment: arm.name for arm in plan.arms if arm.name != CONTROL}
    places = [
        (scenario, request, served, most)
        for scenario in plan.scenarios
        if (request := find_request(session.requests[scenario])) is not None
        for served in manifest.deployments
        if (most := _find_most(plan, served, scenario)) > 1
    ]
    if not places or recording.rounds:  # what was measured before a run was resumed is known
        return
    progress.start("looking how many requests are handled at once")
    found: dict[str, dict[str, Ceiling]] = {}
    for scenario, request, served, most in places:
        left_s = end_s - time.monotonic()
        server = servers[arms[served.name]]
        slots = observe_slots(server, request, most=most, limit_s=left_s) if left_s > 0 else None
        if slots is not None:
            found.setdefault(served.name, {})[scenario] = Ceiling(slots=slots, noun="measured slot")
    if found:
        deployments = (
            replace(one, ceilings=one.ceilings | found.get(one.name, {})) for one in manifest.deployments
        )
        recording.amend_manifest(replace(manifest, deployments=tuple(deployments)))


def find_request(requests: Sequence[RequestSpec]) -> RequestSpec | None:
    """The only request of a scenario, if it needs no other before it and changes nothing; else None."""
    names = {one.name for one in requests}
    first = requests[0] if len(names) == 1 else None
    is_alone = first is not None and first.method == "GET" and not first.login and first.follows is None
    return first if is_alone else None


def _find_most(plan: Plan, served: ServedDeployment, scenario: str) -> int:
    """The most requests that could be handled at once; 0 where that is known, or cannot be observed.

    Requests that are sent together may all go to one of several workers.
    """
    if served.kind != "server" or served.settings.get("workers") != "1" or scenario in served.ceilings:
        return 0
    load = plan.scenarios[scenario].load
    users = max(map(load.concurrency, load.levels or (0,)))
    return min(users, served.slots or users)
