"""A diagnosis as a whole: each deployment under each scenario's load, without instruments and with them."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

from portcompare.diagnose.findings import (
    Subject,
    find_blocking,
    find_mistakes,
    find_waiting,
    slot_waiting,
    split_time,
)
from portcompare.diagnose.watching import PROBE, Seen, forget, read_seen, watch_apps
from portcompare.measure.blocks import Place
from portcompare.measure.rounds import Side, make_order
from portcompare.plan import Plan
from portcompare.records.diagnosis import Diagnosis, Watched
from portcompare.records.rounds import LoadReport
from portcompare.run.parity import capture_requests
from portcompare.run.progress import Progress
from portcompare.run.session import Session, open_session
from portcompare.serve import RunningServer, prepare_arms, serve_deployments
from portcompare.serve.running import measure_idle

WATCHED_S = 8.0  # of load on a watched server
PLAIN_S = 4.0  # of load without instruments
_DELAYS = 5  # a window holds at least so many responses of a user
_WRITTEN_S = 1.0  # until a watched process has written what it saw
_SEARCHED = "its rate is searched: name one with `--rate`, or a number with `--users`"
_NOT_STARTED = "only an app that a `server` of the plan serves can be watched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one load of a server has shown."""

    load: LoadReport
    probe_idle_s: float  # of a request for nothing, without load
    probe_loaded_s: float | None  # the same beside it


def diagnose_plan(plan: Plan, folder: Path, progress: Progress, wanted: Collection[str] = ()) -> Diagnosis:
    """Find out why a plan's deployments perform as they do.

    `folder`: of the logs of the servers, and of what their apps report. `wanted`: deployments; none for all.
    Raises InputError: with all that is wrong with plan, apps and servers.
    Raises ServerError: a server did not start, or died.
    """
    found = Diagnosis()
    with open_session(plan, folder) as opened:
        session = capture_requests(opened, progress, progress.note)
        names = [name for name in (plan.baseline, *plan.candidates) if not wanted or name in wanted]
        progress.count(len(names) * len(session.plan.scenarios))
        for name in names:
            with prepare_arms(session.plan, {name: name}, folder=folder, cpus=session.cpus):
                for scenario in session.plan.scenarios:
                    found = _add(found, _diagnose(session, name, scenario, progress))
                    progress.advance(1)
    return found


def _add(one: Diagnosis, other: Diagnosis) -> Diagnosis:
    both: dict[str, Any] = {
        each.name: (*getattr(one, each.name), *getattr(other, each.name))
        for each in fields(one)
        if each.name != "schema_version"
    }
    return Diagnosis(**both)


def _diagnose(session: Session, name: str, scenario: str, progress: Progress) -> Diagnosis:
    """Diagnose one deployment under one scenario's load."""
    plan = session.plan
    levels = plan.scenarios[scenario].load.levels
    if not levels:
        return Diagnosis(warnings=(f"{scenario} was not loaded: {_SEARCHED}",))
    level = float(levels[-1])
    text = plan.level_text(scenario, level)
    progress.show(f"{name}, {scenario}, {text}: without instruments")
    with _serve(session, name) as server:
        plain = _load(session, server, scenario, level, PLAIN_S)
    p50_s = plain.load.latency_s.p50 if plain.load.latency_s else None
    watched = Watched(
        deployment=name,
        scenario=scenario,
        level=text,
        plain_rps=plain.load.rate_rps,
        watched_rps=0.0,
        plain_p50_s=p50_s,
        slots=None,
        probe_idle_s=plain.probe_idle_s,
        probe_loaded_s=plain.probe_loaded_s,
        is_blocked=_is_blocked(plain, p50_s),
    )
    app = plan.app_of(name)
    if app.target is None or plan.deployments[name].server is None:
        return Diagnosis(watched=(replace(watched, not_watched=_NOT_STARTED),))
    progress.show(f"{name}, {scenario}, {text}: watched")
    folder = session.folder / f"{name}-{scenario}"
    folder.mkdir()
    inside = replace(session, plan=watch_apps(plan, folder))
    with _serve(inside, name) as server:
        loaded = _load(inside, server, scenario, level, WATCHED_S, lambda: forget(folder, name))
        time.sleep(_WRITTEN_S)
        seen = read_seen(folder, name)
    subject = Subject(deployment=name, scenario=scenario, directory=plan.resolve(app.directory))
    return _sum_up(subject, seen, replace(watched, watched_rps=loaded.load.rate_rps), loaded, level)


def _sum_up(subject: Subject, seen: Seen, watched: Watched, loaded: Loaded, level: float) -> Diagnosis:
    load = loaded.load
    # By Little's law, as each user always waits for a response.
    response_s = level / load.rate_rps if load.rate_rps and load.offered_rps is None else None
    if response_s is None and load.latency_s is not None:
        response_s = load.latency_s.p50
    routes = split_time(subject, seen, response_s, loaded.probe_idle_s)
    return Diagnosis(
        watched=(watched,),
        blocking=tuple(find_blocking(subject, seen)),
        waiting=(*find_waiting(subject, seen), *slot_waiting(subject, seen, routes, watched.slots)),
        mistakes=tuple(find_mistakes(subject, seen)),
        routes=tuple(routes),
    )


def _is_blocked(plain: Loaded, p50_s: float | None) -> bool:
    """Whether a request for nothing waits as long as the scenario's own."""
    probe_s, idle_s = plain.probe_loaded_s, plain.probe_idle_s
    return probe_s is not None and p50_s is not None and probe_s >= p50_s / 2 and probe_s >= 5 * idle_s


@contextmanager
def _serve(session: Session, name: str) -> Iterator[RunningServer]:
    arms = {name: name}
    with serve_deployments(session.plan, arms, folder=session.folder, cpus=session.cpus) as servers:
        yield servers[name]


def _load(  # noqa: PLR0917 - what is loaded, how and how long
    session: Session,
    server: RunningServer,
    scenario: str,
    level: float,
    window_s: float,
    on_window: Callable[[], None] = lambda: None,
) -> Loaded:
    """Load a server, with a request for nothing from time to time."""
    plan = session.plan
    idle_s = measure_idle(server, PROBE)
    place = Place(block=0, order=0, arm=server.arm, scenario=scenario, level=level)
    order = make_order(plan, Side(place=place, server=server, expectations={}))
    window_s = max(window_s, _DELAYS * plan.scenarios[scenario].delay_s)
    window = session.generator.begin_round(replace(order, window_s=window_s))
    on_window()
    probes = []
    while time.monotonic() < window.end_s:
        probes.append(measure_idle(server, PROBE))
        time.sleep(0.1)
    done = session.generator.end_round()
    server.check_alive()
    return Loaded(load=done.load, probe_idle_s=idle_s, probe_loaded_s=median(probes) if probes else None)
