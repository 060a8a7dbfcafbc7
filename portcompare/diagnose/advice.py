"""What to do about what was found: from measured times alone, ranked by gain over effort."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil, log
from typing import Any, TypeVar

from portcompare.plan import ClosedLoad, OpenLoad, Plan
from portcompare.records.diagnosis import Advice, Blocking, Diagnosis, Effort, RouteTime, Waiting, Watched
from portcompare.serve.recipe import ServerConfig, resolve_deployment
from portcompare.units import count, duration, rate, share, significant

MOST_ADVICE = 3
LEAST_GAIN = 1.1  # what promises less is not worth a line
LEAST_REQUESTS = 20  # means of fewer say little
MOST_THREADS = 256  # each has a stack of its own
MOST_TIMES_WORKERS = 4  # each has the whole app in memory
EFFORTS: dict[Effort, float] = {"setting": 1.0, "deployment": 2.0, "code": 4.0}
_MOST_OF_WAITING = 0.9  # that the routes to port first hold together
_MOST_NAMED = 3
_MOST_SHARE = 0.99  # of the response time: means are no more exact

_ACTIONS = {
    "thread": "Enlarge the executor that {} waits for",
    "lock": "Hold for less time the lock that {} waits for",
    "pool": "Enlarge the pool that {} waits for",
}


def rank(found: Iterable[Advice]) -> tuple[Advice, ...]:
    """The best pieces of advice, by the logarithm of the gain for each unit of effort, the same once."""
    best: dict[tuple[str, ...], Advice] = {}
    for one in sorted(found, key=lambda one: -log(one.gain) / EFFORTS[one.effort]):
        if one.gain >= LEAST_GAIN:
            what = tuple(one.change) or (one.text.partition(": ")[0],)
            best.setdefault((one.deployment, *what), one)
    return tuple(best.values())[:MOST_ADVICE]


def advise(plan: Plan, found: Diagnosis, cpus: int) -> tuple[Advice, ...]:
    """What a diagnosis advises; `cpus`: how many the servers may use."""
    loads = (_Load.of(plan, found, watched, cpus) for watched in found.watched)
    seen = [
        one for one in loads if one.requests >= LEAST_REQUESTS and one.response_s and one.watched.plain_rps
    ]
    return rank(
        advice for one in seen for advice in (*_find_threads(one), *_find_workers(one), *_find_code(one))
    )


def most_threads(config: ServerConfig | None, concurrency: int) -> int | None:
    """With how many threads each worker serves so many requests at once; None if it has as many now."""
    if config is None or config.interface != "wsgi" or "threads" not in config.serving.knobs:
        return None
    threads = min(ceil(concurrency / config.knobs.workers), MOST_THREADS)
    return threads if threads > config.knobs.threads else None


def threads_text(plan: Plan, name: str, threads: int, now: int) -> str:
    """The advice to give a deployment more threads; of the baseline they compete with a port."""
    others = {plan.deployments[each].app for each in plan.candidates}
    is_rival = name == plan.baseline and others != {plan.deployments[name].app}
    verb = f"Stay on {name}, with" if is_rival else f"Give {name}"
    return f"{verb} {count(threads, 'thread')} instead of {now}"


_Part = TypeVar("_Part", RouteTime, Blocking, Waiting)


def rank_waiting(routes: Iterable[RouteTime]) -> tuple[RouteTime, ...]:
    """The routes of one load with their shares of the waiting in handlers, the largest first."""
    held_s = [(one.weight * (one.waited_s + one.upstream_s), one) for one in routes]
    all_s = sum(each_s for each_s, _ in held_s) or 1.0
    ranked, before = list[RouteTime](), 0.0
    for each_s, one in sorted(held_s, key=lambda each: -each[0]):
        is_first = each_s > 0 and before < _MOST_OF_WAITING
        ranked.append(replace(one, waiting_share=each_s / all_s, is_first=is_first))
        before += each_s / all_s
    return tuple(ranked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """One deployment under one scenario's load."""

    plan: Plan
    watched: Watched
    load: ClosedLoad | OpenLoad
    config: ServerConfig | None  # None if portcompare does not decide how it is served
    cpus: int
    routes: list[RouteTime]
    blocking: list[Blocking]  # The lines that wait: what computes takes as long elsewhere
    waiting: list[Waiting]

    @classmethod
    def of(cls, plan: Plan, found: Diagnosis, watched: Watched, cpus: int) -> "_Load":
        """What was found of it."""

        def of_it(ones: Iterable[_Part]) -> list[_Part]:
            return [
                one
                for one in ones
                if (one.deployment, one.scenario) == (watched.deployment, watched.scenario)
            ]

        return cls(
            plan=plan,
            watched=watched,
            load=plan.scenarios[watched.scenario].load,
            config=resolve_deployment(plan, watched.deployment).config,
            cpus=cpus,
            routes=of_it(found.routes),
            blocking=[one for one in of_it(found.blocking) if one.reason.startswith("waits")],
            waiting=of_it(found.waiting),
        )

    @property
    def requests(self) -> int:
        """How many were watched."""
        return sum(one.requests for one in self.routes)

    @property
    def response_s(self) -> float:
        """The mean response time, with instruments."""
        return sum(one.weight * one.response_s for one in self.routes)

    @property
    def queued(self) -> float:
        """The share of it before the handler begins."""
        return sum(one.weight * one.queued_s for one in self.routes) / self.response_s

    @property
    def held_up(self) -> float:
        """The share of it while others hold up the event loop; those not begun wait for it as well."""
        return self.queued + sum(one.weight * one.blocked_s for one in self.routes) / self.response_s

    @property
    def workers(self) -> int:
        """Its worker processes."""
        return self.config.knobs.workers if self.config else 1

    def share_of(self, one: Waiting) -> float:
        """The share of the mean response time that a queue takes."""
        return one.total_s / self.requests / self.response_s

    def held_up_by(self, lines: Collection[Blocking]) -> float:
        """The share of it without which the event loop would be, if these lines did not wait on it."""
        held_s = [sum(one.total_s for one in each) for each in (lines, self.blocking)]
        cpu_s = self.requests * (self.watched.cpu_s_per_request or 0.0)
        return min(self.held_up, held_s[0] / (held_s[1] + cpu_s)) if held_s[0] else 0.0

    def gain_without(self, part: float, workers: int | None = None) -> float:
        """How many times better it gets, at most, without a share of the response time.

        Users who wait less long send more requests (Little's law), until the CPU is the limit: of each worker
        one, as its threads share an interpreter.
        """
        gain = 1 / (1 - min(part, _MOST_SHARE))
        busy = self.watched.plain_rps * (self.watched.cpu_s_per_request or 0.0)
        if self.load.model == "open" or not busy:
            return gain
        return min(gain, min(workers or self.workers, self.cpus) / busy)

    def advice(self, action: str, why: str, gain: float, **more: Any) -> Advice:  # noqa: ANN401 - fields
        """A piece of advice, with its effect and its circumstances."""
        watched = self.watched
        better = "shorter responses" if self.load.model == "open" else "the rate"
        return Advice(
            text=f"{action}: up to {significant(gain, 2)}x {better}",
            evidence=f"{why}; {rate(watched.plain_rps)} at {watched.level} ({watched.scenario})",
            gain=gain,
            deployment=watched.deployment,
            scenario=watched.scenario,
            **more,
        )


def _find_threads(load: _Load) -> Iterator[Advice]:
    """Threads for requests that wait for one; or a server that has them."""
    config, name, seen = load.config, load.watched.deployment, load.watched.slots
    # Where others hold a lock or a place in a pool, more threads wait for the same.
    if config is None or config.interface != "wsgi" or {"lock", "pool"} & {one.kind for one in load.waiting}:
        return
    why = f"requests wait {share(load.queued)} of {duration(load.response_s)} for a thread"
    users = load.load.concurrency(load.load.levels[-1])
    threads, now, gain = most_threads(config, users), config.knobs.threads, load.gain_without(load.queued)
    # An app that handles fewer at once than it has threads is what limits them.
    is_limited = seen is not None and 2 * seen <= now * load.workers
    if threads is not None and not is_limited:
        text, change = threads_text(load.plan, name, threads, now), {"threads": threads}
        yield load.advice(text, why, min(gain, threads / now), effort="setting", change=change)
    elif "threads" not in config.serving.knobs and seen is not None:
        most = min(ceil(users / load.workers), MOST_THREADS)
        text = f"Serve {name} by gunicorn with {count(most, 'thread')}"
        why = f"{name} handles {count(seen, 'request')} at once; {why}"
        server: dict[str, str | int] = {"server": "gunicorn", "threads": most}
        gain = min(gain, most * load.workers / seen)
        yield load.advice(text, why, gain, effort="deployment", change=server)


def _find_workers(load: _Load) -> Iterator[Advice]:
    """Workers for what each process does one at a time."""
    causes = [(load.held_up_by(load.blocking), _describe(one)) for one in load.blocking[:1]]
    causes += [(load.share_of(one), one.reason) for one in load.waiting if one.kind != "slot"]
    if causes and load.config is not None and "workers" in load.config.serving.knobs:
        part, why = max(causes)
        most = MOST_TIMES_WORKERS * load.workers
        gain = min(load.gain_without(part, most), MOST_TIMES_WORKERS)
        workers = min(ceil(load.workers * gain), most)
        text = f"Give {load.watched.deployment} {count(workers, 'worker')} instead of {load.workers}"
        yield load.advice(text, why, gain, effort="setting", change={"workers": workers})


def _find_code(load: _Load) -> Iterator[Advice]:
    """What lines to move off the loop, what to enlarge, and which routes to port first."""
    for line in load.blocking:
        gain = load.gain_without(load.held_up_by([line]))
        text = f"Move {line.call} at {line.file}:{line.line} off the event loop"
        yield load.advice(text, _describe(line), gain, effort="code")
    for queue in load.waiting:
        if queue.kind in _ACTIONS:
            text = _ACTIONS[queue.kind].format(f"{queue.file}:{queue.line}")
            yield load.advice(text, queue.reason, load.gain_without(load.share_of(queue)), effort="code")
    first = [one.route for one in load.routes if one.is_first]
    if load.plan.app_of(load.watched.deployment).interface == "wsgi" and 0 < len(first) < len(load.routes):
        text = f"Port {len(first)} of {count(len(load.routes), 'route')} first"
        named = ", ".join(first[:_MOST_NAMED]) + " and others" * (len(first) > _MOST_NAMED)
        held = share(sum(one.waiting_share for one in load.routes if one.is_first))
        why = f"{named} hold {held} of the waiting in handlers"
        yield load.advice(text, why, load.gain_without(load.queued), effort="code")


def _describe(line: Blocking) -> str:
    times = count(line.count, "time")
    return f"{line.call} held up the event loop {times}, {duration(line.total_s)} in all"
