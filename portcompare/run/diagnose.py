"""A diagnosis as a whole: each deployment under each scenario's load, without instruments and with them."""

import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

from portcompare.diagnose.advice import advise, rank_waiting
from portcompare.diagnose.blocking import find_blocking, find_mistakes
from portcompare.diagnose.connections import find_lost_connections, probe_connections, read_overflows
from portcompare.diagnose.cpu import Profile, compare_cpu, record_cpu
from portcompare.diagnose.isolation import find_leaks
from portcompare.diagnose.text import find_in_text
from portcompare.diagnose.waiting import find_slot_waiting, find_waiting, split_time
from portcompare.diagnose.watching import PROBE, WatchedApp, forget, read_seen, watch_apps
from portcompare.errors import MeasurementError
from portcompare.measure.blocks import Place
from portcompare.measure.rounds import Side, make_order
from portcompare.plan import Plan
from portcompare.records.diagnosis import Diagnosis, Unseen, Watched
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import LoadReport
from portcompare.run.parity import capture_requests
from portcompare.run.progress import Progress
from portcompare.run.session import Session, open_session
from portcompare.run.slots import find_request
from portcompare.serve import RunningServer, prepare_arms, serve_deployments
from portcompare.serve.recipe import resolve_deployment
from portcompare.serve.running import measure_idle
from portcompare.serve.slots import observe_slots
from portcompare.wire.protocol import WindowOpens

WATCHED_S = 8.0  # of load on a watched server
PLAIN_S = 4.0  # of load without instruments
PROFILED_S = 4.0  # of load while stacks are read
_PROFILER_S = 4.0  # until py-spy has read its first stack and written the last
_PROBE_EACH_S = 0.1
_SLOTS_LIMIT_S = 5.0
_DELAYS = 5  # a window holds at least so many responses of a user
_WRITTEN_S = 1.5  # until a watched process has written all that it saw
_SEARCHED = "its rate is searched: name one with `--rate`, or a number with `--users`"
_NOT_STARTED = "only an app that a `server` of the plan serves can be watched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one load of a server has shown."""

    load: LoadReport
    cpu_s: float  # of the server's processes meanwhile
    probe_idle_s: float  # of a request for nothing, without load
    probe_loaded_s: float | None  # the same beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One deployment under one scenario's load."""

    session: Session
    name: str
    scenario: str
    level: float

    @property
    def app(self) -> WatchedApp:
        """The deployment's app."""
        plan = self.session.plan
        directory = plan.resolve(plan.app_of(self.name).directory)
        return WatchedApp(deployment=self.name, scenario=self.scenario, directory=directory)

    @property
    def requests(self) -> tuple[RequestSpec, ...]:
        """The scenario's requests."""
        return self.session.requests[self.scenario]

    @contextmanager
    def serve(self, plan: Plan | None = None) -> Iterator[RunningServer]:
        """Serve the deployment, as another plan has it if one is given."""
        session, arms = self.session, {self.name: self.name}
        with serve_deployments(
            plan or session.plan, arms, folder=session.folder, cpus=session.cpus
        ) as servers:
            yield servers[self.name]

    @contextmanager
    def load(self, server: RunningServer, window_s: float) -> Iterator[WindowOpens]:
        """Load the server while the context lasts, and at least for a while."""
        place = Place(block=0, order=0, arm=self.name, scenario=self.scenario, level=self.level)
        order = make_order(self.session.plan, Side(place=place, server=server, expectations={}))
        window_s = max(window_s, _DELAYS * self.session.plan.scenarios[self.scenario].delay_s)
        yield self.session.generator.begin_round(replace(order, window_s=window_s))


def diagnose_plan(plan: Plan, folder: Path, progress: Progress, wanted: Collection[str] = ()) -> Diagnosis:
    """Find out why a plan's deployments perform as they do.

    `folder`: of the logs of the servers, and of what their apps report. `wanted`: deployments; none for all.
    Raises InputError: with all that is wrong with plan, apps and servers.
    Raises ServerError: a server did not start, or died.
    """
    found = Diagnosis()
    profiles: dict[str, Profile] = {}  # of the baseline, by scenario
    with open_session(plan, folder) as opened:
        session = capture_requests(opened, progress, progress.note)
        names = [name for name in (plan.baseline, *plan.candidates) if not wanted or name in wanted]
        progress.count(len(names) * len(session.plan.scenarios))
        for name in names:
            with prepare_arms(session.plan, {name: name}, folder=folder, cpus=session.cpus):
                for scenario, each in session.plan.scenarios.items():
                    if each.load.levels:
                        level = float(each.load.levels[-1])
                        examined = Examined(session=session, name=name, scenario=scenario, level=level)
                        found = _add(found, _diagnose(examined, profiles, progress))
                    elif name == names[0]:
                        found = _add(found, Diagnosis(warnings=(f"{scenario} was not loaded: {_SEARCHED}",)))
                    progress.advance(1)
            found = _read_text(session, name, found)
        advice = advise(session.plan, found, len(session.cpus.server))
    return replace(found, advice=advice, warnings=tuple(dict.fromkeys(found.warnings)))


def _add(one: Diagnosis, other: Diagnosis) -> Diagnosis:
    both: dict[str, Any] = {
        each.name: (*getattr(one, each.name), *getattr(other, each.name))
        for each in fields(one)
        if each.name != "schema_version"
    }
    return Diagnosis(**both)


def _diagnose(examined: Examined, profiles: dict[str, Profile], progress: Progress) -> Diagnosis:
    """Load a deployment as it is, then one whose app is watched."""
    plan, name, scenario = examined.session.plan, examined.name, examined.scenario

    def show(step: str) -> None:
        progress.show(f"{name}, {scenario}, {plan.level_text(scenario, examined.level)}: {step}")

    watched, found = _load_plain(examined, profiles, show)
    show("does a user receive what belongs to another?")
    logins = examined.session.logins.get(scenario, ())
    leaks, notes = find_leaks(scenario, examined.requests, logins, examined.serve)
    found = _add(found, Diagnosis(isolation=tuple(leaks), warnings=notes))
    if plan.app_of(name).target is None or plan.deployments[name].server is None:
        return _add(found, Diagnosis(watched=(replace(watched, not_watched=_NOT_STARTED),)))
    show("watched")
    return _add(found, _watch(examined, watched))


def _load_plain(
    examined: Examined, profiles: dict[str, Profile], show: Callable[[str], None]
) -> tuple[Watched, Diagnosis]:
    """Load a deployment without instruments, and once more while py-spy reads its stacks."""
    plan, scenario = examined.session.plan, examined.scenario
    show("without instruments")
    with examined.serve() as server:
        slots, probe = _observe_slots(examined, server), probe_connections(server)
        before = read_overflows() or 0
        plain = _measure(examined, server, PLAIN_S)
        lost = find_lost_connections(
            scenario,
            plain.load,
            server,
            resolve_deployment(plan, examined.name),
            probe,
            overflows=(read_overflows() or 0) - before,
            requests=examined.requests,
        )
        show("where the CPU time goes")
        found, flame_graph = _compare_cpu(examined, server, plain, profiles)
    notes = (probe.note,) if probe.note else ()
    p50_s = plain.load.latency_s.p50 if plain.load.latency_s else None
    watched = Watched(
        deployment=examined.name,
        scenario=scenario,
        level=plan.level_text(scenario, examined.level),
        plain_rps=plain.load.rate_rps,
        watched_rps=0.0,
        plain_p50_s=p50_s,
        cpu_s_per_request=plain.cpu_s / plain.load.requests if plain.cpu_s and plain.load.requests else None,
        slots=slots,
        probe_idle_s=plain.probe_idle_s,
        probe_loaded_s=plain.probe_loaded_s,
        is_blocked=_is_blocked(plain, p50_s),
        flame_graph=flame_graph,
    )
    return watched, _add(found, Diagnosis(connections=tuple(lost), warnings=notes))


def _watch(examined: Examined, watched: Watched) -> Diagnosis:
    """Load a deployment whose app is watched, and sum up what was seen."""
    plan, name = examined.session.plan, examined.name
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-{examined.scenario}-", dir=examined.session.folder))
    with examined.serve(watch_apps(plan, folder)) as server:
        loaded = _measure(examined, server, WATCHED_S, lambda: forget(folder, name))
        time.sleep(_WRITTEN_S)
        seen = read_seen(folder, name)
    load, app = loaded.load, examined.app
    # By Little's law, as each user always waits for a response.
    response_s = examined.level / load.rate_rps if load.rate_rps and load.offered_rps is None else None
    if response_s is None and load.latency_s is not None:
        response_s = load.latency_s.p50
    routes = split_time(app, seen, response_s, seen.network_s(loaded.probe_idle_s))
    return Diagnosis(
        watched=(replace(watched, watched_rps=load.rate_rps),),
        blocking=tuple(find_blocking(app, seen)),
        waiting=(*find_waiting(app, seen), *find_slot_waiting(app, seen, routes, watched.slots)),
        mistakes=tuple(find_mistakes(app, seen)),
        routes=rank_waiting(routes),
    )


def _observe_slots(examined: Examined, server: RunningServer) -> int | None:
    """How many requests an idle server handles at once; None if that is not known, or more than the load."""
    request = find_request(examined.requests)
    if request is None or server.process is None:
        return None
    users = examined.session.plan.scenarios[examined.scenario].load.concurrency(examined.level)
    return observe_slots(server, request, most=users, limit_s=_SLOTS_LIMIT_S)


def _measure(
    examined: Examined, server: RunningServer, window_s: float, on_window: Callable[[], None] = lambda: None
) -> Loaded:
    """Load a server, with a request for nothing from time to time."""
    idle_s = measure_idle(server, PROBE)
    with examined.load(server, window_s) as window:
        on_window()
        time.sleep(max(window.start_s - time.monotonic(), 0))
        before_s = server.read_cpu_s() or {}
        probes = []
        while time.monotonic() < window.end_s:
            probes.append(measure_idle(server, PROBE))
            time.sleep(_PROBE_EACH_S)
        after_s = server.read_cpu_s() or {}
        done = examined.session.generator.end_round()
    server.check_alive()
    return Loaded(
        load=done.load,
        cpu_s=sum(after_s.values()) - sum(before_s.values()),
        probe_idle_s=idle_s,
        probe_loaded_s=median(probes) if probes else None,
    )


def _compare_cpu(
    examined: Examined, server: RunningServer, plain: Loaded, profiles: dict[str, Profile]
) -> tuple[Diagnosis, str]:
    """Where a deployment's CPU time goes that the baseline's does not, and the name of the flame graph.

    `profiles`: those of the baseline by scenario, to which this one is added if it is the baseline's.
    """
    session, name, scenario = examined.session, examined.name, examined.scenario
    if server.process is None or not plain.load.requests:
        return Diagnosis(), ""
    try:
        with examined.load(server, PROFILED_S + _PROFILER_S):
            samples = record_cpu(
                server.process.pid, PROFILED_S, session.folder, f"{name}-{scenario}", examined.app.directory
            )
    except MeasurementError as error:
        return Diagnosis(warnings=(f"where the CPU time goes is not known: {error}",)), ""
    finally:
        session.generator.end_round()
    profile = Profile(deployment=name, samples=samples, cpu_s=plain.cpu_s, requests=plain.load.requests)
    if name == session.plan.baseline:
        profiles[scenario] = profile
        return Diagnosis(), samples.flame_graph
    if scenario not in profiles:
        why = "the CPU time was not compared with the baseline's, which was not loaded"
        return Diagnosis(warnings=(why,)), samples.flame_graph
    differences, text = compare_cpu(profiles[scenario], profile, scenario)
    return Diagnosis(cpu=tuple(differences), warnings=(f"{scenario}: {text}",)), samples.flame_graph


def _read_text(session: Session, name: str, found: Diagnosis) -> Diagnosis:
    """Add the lines of an ASGI app that block by their text: to those that did, or as not seen."""
    app = session.plan.app_of(name)
    if app.interface != "asgi":
        return found
    try:
        places = find_in_text(session.plan.resolve(app.directory))
    except MeasurementError as error:
        return _add(found, Diagnosis(warnings=(f"the text of the apps was not read: {error}",)))
    rules = {(name, one.file, one.line): one.rule for one in places}
    blocking = [
        replace(one, rule=rules.get((one.deployment, one.file, one.line), one.rule)) for one in found.blocking
    ]
    seen = {(one.deployment, one.file, one.line) for one in blocking}
    unseen = [
        Unseen(deployment=name, file=one.file, line=one.line, rule=one.rule, message=one.message)
        for one in places
        if (name, one.file, one.line) not in seen
    ]
    return _add(replace(found, blocking=tuple(blocking)), Diagnosis(unseen=tuple(unseen)))


def _is_blocked(plain: Loaded, p50_s: float | None) -> bool:
    """Whether a request for nothing waits as long as the scenario's own."""
    probe_s, idle_s = plain.probe_loaded_s, plain.probe_idle_s
    return probe_s is not None and p50_s is not None and probe_s >= p50_s / 2 and probe_s >= 5 * idle_s
