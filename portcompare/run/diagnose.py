"""A diagnosis as a whole: each deployment under each scenario's load, without instruments and with them."""

import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Any

from portcompare.diagnose.advice import advise
from portcompare.diagnose.connections import find_lost_connections, probe_connections, read_overflows
from portcompare.diagnose.cpu import Profile, compare_cpu, record_cpu
from portcompare.diagnose.findings import (
    Names,
    find_blocking,
    find_mistakes,
    find_waiting,
    slot_waiting,
    split_time,
)
from portcompare.diagnose.isolation import find_leaks
from portcompare.diagnose.text import find_in_text
from portcompare.diagnose.watching import PROBE, Seen, forget, read_seen, watch_apps
from portcompare.errors import MeasurementError
from portcompare.measure.blocks import Place
from portcompare.measure.rounds import Side, make_order
from portcompare.plan import Plan
from portcompare.records.diagnosis import Blocking, Diagnosis, Unseen, Watched
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import LoadReport
from portcompare.run.parity import capture_requests
from portcompare.run.progress import Progress
from portcompare.run.session import Session, open_session
from portcompare.run.slots import find_request
from portcompare.serve import RunningServer, prepare_arms, serve_deployments
from portcompare.serve.recipe import resolve_deployment
from portcompare.serve.running import measure_idle
from portcompare.serve.slots import MOST_TOGETHER, observe_slots
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
class Subject:
    """One deployment under one scenario's load."""

    session: Session
    name: str
    scenario: str
    level: float

    @property
    def names(self) -> Names:
        """It, as findings name it."""
        plan = self.session.plan
        directory = plan.resolve(plan.app_of(self.name).directory)
        return Names(deployment=self.name, scenario=self.scenario, directory=directory)

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
                        subject = Subject(session=session, name=name, scenario=scenario, level=level)
                        found = _add(found, _diagnose(subject, profiles, progress))
                    elif name == names[0]:
                        found = _add(found, Diagnosis(warnings=(f"{scenario} was not loaded: {_SEARCHED}",)))
                    progress.advance(1)
            found = _add(found, _read_text(session, name, found.blocking))
        advice = advise(session.plan, found, len(session.cpus.server))
    return replace(found, advice=advice, warnings=tuple(dict.fromkeys(found.warnings)))


def _add(one: Diagnosis, other: Diagnosis) -> Diagnosis:
    both: dict[str, Any] = {
        each.name: (*getattr(one, each.name), *getattr(other, each.name))
        for each in fields(one)
        if each.name != "schema_version"
    }
    return Diagnosis(**both)


def _diagnose(subject: Subject, profiles: dict[str, Profile], progress: Progress) -> Diagnosis:
    """Load a deployment as it is, then one whose app is watched."""
    plan, name, scenario = subject.session.plan, subject.name, subject.scenario
    text = plan.level_text(scenario, subject.level)
    progress.show(f"{name}, {scenario}, {text}: without instruments")
    with subject.serve() as server:
        slots, probe = _observe_slots(subject, server), probe_connections(server)
        before = read_overflows() or 0
        plain = _measure(subject, server, PLAIN_S)
        lost = find_lost_connections(
            scenario,
            plain.load,
            server,
            resolve_deployment(plan, name),
            probe,
            overflows=(read_overflows() or 0) - before,
            requests=subject.requests,
        )
        progress.show(f"{name}, {scenario}, {text}: where the CPU time goes")
        found = _compare_cpu(subject, server, plain, profiles)
    progress.show(f"{name}, {scenario}: does a user receive what belongs to another?")
    logins = subject.session.logins.get(scenario, ())
    leaks, notes = find_leaks(scenario, subject.requests, logins, subject.serve)
    notes = (*notes, *filter(None, [probe.note]))
    found = _add(found, Diagnosis(isolation=tuple(leaks), connections=tuple(lost), warnings=notes))
    p50_s = plain.load.latency_s.p50 if plain.load.latency_s else None
    watched = Watched(
        deployment=name,
        scenario=scenario,
        level=text,
        plain_rps=plain.load.rate_rps,
        watched_rps=0.0,
        plain_p50_s=p50_s,
        cpu_s_per_request=plain.cpu_s / plain.load.requests if plain.cpu_s and plain.load.requests else None,
        slots=slots,
        probe_idle_s=plain.probe_idle_s,
        probe_loaded_s=plain.probe_loaded_s,
        is_blocked=_is_blocked(plain, p50_s),
    )
    if plan.app_of(name).target is None or plan.deployments[name].server is None:
        return _add(found, Diagnosis(watched=(replace(watched, not_watched=_NOT_STARTED),)))
    progress.show(f"{name}, {scenario}, {text}: watched")
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-{scenario}-", dir=subject.session.folder))
    with subject.serve(watch_apps(plan, folder)) as server:
        loaded = _measure(subject, server, WATCHED_S, lambda: forget(folder, name))
        time.sleep(_WRITTEN_S)
        seen = read_seen(folder, name)
    watched = replace(watched, watched_rps=loaded.load.rate_rps)
    return _add(found, _sum_up(subject, seen, watched, loaded))


def _observe_slots(subject: Subject, server: RunningServer) -> int | None:
    """How many requests an idle server handles at once; None if that is not known, or more than the load."""
    request = find_request(subject.requests)
    users = subject.session.plan.scenarios[subject.scenario].load.concurrency(subject.level)
    if request is None or server.process is None or users < 2:  # noqa: PLR2004 - nobody waits for another
        return None
    return observe_slots(server, request, most=min(MOST_TOGETHER, users), limit_s=_SLOTS_LIMIT_S)


def _measure(
    subject: Subject, server: RunningServer, window_s: float, on_window: Callable[[], None] = lambda: None
) -> Loaded:
    """Load a server, with a request for nothing from time to time."""
    idle_s = measure_idle(server, PROBE)
    with subject.load(server, window_s) as window:
        on_window()
        time.sleep(max(window.start_s - time.monotonic(), 0))
        before_s = server.read_cpu_s() or {}
        probes = []
        while time.monotonic() < window.end_s:
            probes.append(measure_idle(server, PROBE))
            time.sleep(_PROBE_EACH_S)
        after_s = server.read_cpu_s() or {}
        done = subject.session.generator.end_round()
    server.check_alive()
    return Loaded(
        load=done.load,
        cpu_s=sum(after_s.values()) - sum(before_s.values()),
        probe_idle_s=idle_s,
        probe_loaded_s=median(probes) if probes else None,
    )


def _compare_cpu(
    subject: Subject, server: RunningServer, plain: Loaded, profiles: dict[str, Profile]
) -> Diagnosis:
    """Where a deployment's CPU time goes that the baseline's does not; the baseline is remembered."""
    session = subject.session
    if server.process is None or not plain.load.requests:
        return Diagnosis()
    try:
        with subject.load(server, PROFILED_S + _PROFILER_S):
            samples = record_cpu(
                server.process.pid,
                PROFILED_S,
                session.folder,
                f"{subject.name}-{subject.scenario}",
                subject.names.directory,
            )
    except MeasurementError as error:
        return Diagnosis(warnings=(f"where the CPU time goes is not known: {error}",))
    finally:
        session.generator.end_round()
    profile = Profile(
        deployment=subject.name, samples=samples, cpu_s=plain.cpu_s, requests=plain.load.requests
    )
    if subject.name == session.plan.baseline:
        profiles[subject.scenario] = profile
    if profiles.get(subject.scenario, profile) is profile:
        return Diagnosis()
    differences, text = compare_cpu(profiles[subject.scenario], profile, subject.scenario)
    return Diagnosis(cpu=tuple(differences), warnings=(f"{subject.scenario}: {text}",))


def _read_text(session: Session, name: str, seen: Collection[Blocking]) -> Diagnosis:
    """The lines of an ASGI app that block by their text, and did not under load."""
    app = session.plan.app_of(name)
    if app.interface != "asgi":
        return Diagnosis()
    try:
        found = find_in_text(session.plan.resolve(app.directory))
    except MeasurementError as error:
        return Diagnosis(warnings=(f"the text of the apps was not read: {error}",))
    known = {(one.file, one.line) for one in seen if one.deployment == name}
    return Diagnosis(
        unseen=tuple(
            Unseen(deployment=name, file=one.file, line=one.line, rule=one.rule, message=one.message)
            for one in found
            if (one.file, one.line) not in known
        )
    )


def _sum_up(subject: Subject, seen: Seen, watched: Watched, loaded: Loaded) -> Diagnosis:
    load, names = loaded.load, subject.names
    # By Little's law, as each user always waits for a response.
    response_s = subject.level / load.rate_rps if load.rate_rps and load.offered_rps is None else None
    if response_s is None and load.latency_s is not None:
        response_s = load.latency_s.p50
    routes = split_time(names, seen, response_s, seen.network_s(loaded.probe_idle_s))
    return Diagnosis(
        watched=(watched,),
        blocking=tuple(find_blocking(names, seen)),
        waiting=(*find_waiting(names, seen), *slot_waiting(names, seen, routes, watched.slots)),
        mistakes=tuple(find_mistakes(names, seen)),
        routes=tuple(routes),
    )


def _is_blocked(plain: Loaded, p50_s: float | None) -> bool:
    """Whether a request for nothing waits as long as the scenario's own."""
    probe_s, idle_s = plain.probe_loaded_s, plain.probe_idle_s
    return probe_s is not None and p50_s is not None and probe_s >= p50_s / 2 and probe_s >= 5 * idle_s
