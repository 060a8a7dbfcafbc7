"""What requests queue for, and where the time of responses goes, by what watched processes have seen."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from portcompare.diagnose.watching import Place, Seen, WatchedApp, place_of
from portcompare.records.diagnosis import RouteTime, Waiting, WaitKind
from portcompare.units import count, duration

_LEAST_LOOKS = 3  # what was seen less often may be chance
_LEAST_SHARE = 0.25  # of a route's time: a queue that takes less is no bottleneck
_LEAST_FULL = 0.5  # of the time that requests are handled, all threads must be busy
_CHUNKS = 20  # calls in threads for one request


def find_waiting(app: WatchedApp, seen: Seen) -> list[Waiting]:
    """What requests queue for inside the app, what takes most of their time first."""
    found = [*_find_locks(app, seen), *_find_threads(app, seen)]
    return sorted(found, key=lambda one: -one.total_s)


def _find_locks(app: WatchedApp, seen: Seen) -> Iterator[Waiting]:
    looks: Counter[str] = Counter()
    waits: dict[tuple[str, str, Place], list[float]] = {}
    others: defaultdict[tuple[str, str], Counter[Place]] = defaultdict(Counter)
    for route, kind, place, number, longest_s in seen.rows("states"):
        looks[route] += number
        if place is None:
            continue
        if kind in ("lock", "pool"):
            one = waits.setdefault((route, kind, place_of(place)), [0.0, 0.0])
            one[0] += number
            one[1] = max(one[1], longest_s)
        elif kind != "ready":
            others[place[0], place[2]][place_of(place)] += number
    look_s = seen.seconds / max(seen.most("rounds"), 1)
    for (route, kind, place), (number, longest_s) in waits.items():
        share = number / looks[route]
        if number < _LEAST_LOOKS or share < _LEAST_SHARE:
            continue
        holders = [one for one in others[place[0], place[2]].most_common(2) if one[0] != place][:1]
        at = f"{app.shorten(holders[0][0][0])}:{holders[0][0][1]}, {holders[0][0][3]}" if holders else ""
        wanted: WaitKind = "lock" if kind == "lock" else "pool"
        what = "the lock" if kind == "lock" else "a place in a pool or queue"
        yield Waiting(
            **app.fields,
            **app.site(place),
            route=route,
            kind=wanted,
            count=int(number),
            total_s=number * look_s,
            longest_s=longest_s,
            share=share,
            reason=f"waits for {what}" + (f", which others hold at {at}" if at else ""),
        )


@dataclass(slots=True)
class _Executor:
    """The threads that run calls."""

    threads: int
    full_rounds: int = 0
    most_queued: int = 0
    runs: Counter[Place] = field(default_factory=Counter)  # the lines that its threads were seen at
    # The same of what each line gave it
    runs_for: defaultdict[Place, Counter[Place]] = field(default_factory=lambda: defaultdict(Counter))


def _read_executors(seen: Seen) -> dict[str, _Executor]:
    pools = (pool for _, _, pool, *_ in seen.rows("jobs"))  # with those that were given nothing meanwhile
    found = {str(pool): _Executor(threads=pool[0]) for pool in pools}
    for pool, full_rounds, queued in seen.rows("pools"):
        one = found.setdefault(str(pool), _Executor(threads=pool[0]))
        one.full_rounds += full_rounds
        one.most_queued = max(one.most_queued, queued)
    for pool, place, inside, number in seen.rows("held"):
        if place is not None and inside is not None:
            found[str(pool)].runs[place_of(inside)] += number
            found[str(pool)].runs_for[place_of(place)][place_of(inside)] += number
    return found


def _find_threads(app: WatchedApp, seen: Seen) -> Iterator[Waiting]:
    jobs: dict[tuple[Place, str, str], list[float]] = {}
    for place, route, pool, number, waited_s, longest_s, ran_s in seen.rows("jobs"):
        if place is not None:
            one = jobs.setdefault((place_of(place), route, str(pool)), [0.0, 0.0, 0.0, 0.0])
            for index, value in enumerate((number, waited_s)):
                one[index] += value
            one[2] = max(one[2], longest_s)
            one[3] += ran_s
    executors = _read_executors(seen)
    for (place, route, pool), (number, waited_s, longest_s, ran_s) in jobs.items():
        requests, handled_s, _ = seen.routes.get(route, (0, 0.0, 0.0))
        share = min(waited_s / handled_s, 1.0) if handled_s else 0.0
        calls = number / requests if requests else 0.0
        executor = executors[pool]
        is_full = executor.full_rounds >= _LEAST_FULL * seen.total("active_rounds")
        if number < _LEAST_LOOKS or not ((share >= _LEAST_SHARE and is_full) or calls >= _CHUNKS):
            continue
        inside = next(iter(executor.runs.most_common(1)), (place, 0))[0]
        runs = f"; they run {inside[3]} at {app.shorten(inside[0])}:{inside[1]}" if inside != place else ""
        if place[3] == place[2]:  # where a function is defined that Quart itself runs in a thread
            runs = f"; they run {place[2]}, defined at {app.shorten(place[0])}:{place[1]}"
            own = executor.runs_for[place].most_common(1)
            place = own[0][0] if own else place  # noqa: PLW2901 - the line that holds the threads
        busy = f"all {count(executor.threads, 'thread')} of the executor are busy"
        queue = f"{busy}, up to {executor.most_queued} calls wait"
        if calls >= _CHUNKS:
            queue = f"{calls:.0f} calls in threads for each request, {duration(ran_s / number)} each; {queue}"
        yield Waiting(
            **app.fields,
            **app.site(place),
            route=route,
            kind="thread",
            count=int(number),
            total_s=waited_s,
            longest_s=longest_s,
            share=share,
            reason=queue + runs,
        )


def split_time(app: WatchedApp, seen: Seen, response_s: float | None, network_s: float) -> list[RouteTime]:
    """Where the time of each route's responses goes.

    `response_s`: the mean response time that the clients had, over all routes; None if it is not known.
    """
    routes = {route: one for route, one in seen.routes.items() if one[0]}
    number_of_all = sum(number for number, *_ in routes.values())
    mean_s = sum(handled_s for _, handled_s, _ in routes.values()) / number_of_all if number_of_all else 0.0
    queued_s = max(response_s - mean_s - network_s, 0.0) if response_s is not None else 0.0
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for route, kind, _, number, _ in seen.rows("states"):
        kinds[route][kind] += number
    stalled_s: defaultdict[str, float] = defaultdict(float)
    for_threads_s: defaultdict[str, float] = defaultdict(float)
    cpu_s = sum(one["cpu_s"] for one in seen.processes)
    for stall in seen.rows("stalls"):
        stalled_s[stall["route"]] += stall["total_s"]
        cpu_s -= stall["cpu_s"]
    for _, route, _, _, waited_s, *_ in seen.rows("jobs"):
        for_threads_s[route] += waited_s
    found = []
    for route, (number, handled_s, thread_s) in routes.items():
        handler_s = handled_s / number
        ran_s = thread_s / number or stalled_s[route] / number + max(cpu_s, 0.0) / number_of_all
        computed_s = min(ran_s, handler_s)
        thread_queue_s = min(for_threads_s[route] / number, handler_s - computed_s)
        rest_s = handler_s - computed_s - thread_queue_s
        looks = kinds[route]
        all_looks = sum(looks[kind] for kind in ("lock", "pool", "thread", "waiting", "ready", "sending"))
        sent_s = rest_s * looks["sending"] / all_looks if all_looks else 0.0
        held_s = rest_s * (looks["lock"] + looks["pool"]) / all_looks if all_looks else 0.0
        upstream_s = rest_s * (looks["thread"] + looks["waiting"]) / all_looks if all_looks else 0.0
        found.append(
            RouteTime(
                **app.fields,
                route=route,
                requests=number,
                queued_s=queued_s,
                blocked_s=max(rest_s - held_s - upstream_s - sent_s, 0.0),
                waited_s=held_s + thread_queue_s,
                upstream_s=upstream_s,
                computed_s=computed_s,
                network_s=network_s + sent_s,
                weight=number / number_of_all,
            )
        )
    return sorted(found, key=lambda one: -one.requests * one.response_s)


def find_slot_waiting(
    app: WatchedApp, seen: Seen, routes: Iterable[RouteTime], slots: int | None
) -> list[Waiting]:
    """What holds the server's slots, where requests wait for one before their handler begins."""
    found = []
    held: defaultdict[str, Counter[Place]] = defaultdict(Counter)
    for route, _, place, number, _ in seen.rows("states"):
        if place is not None:
            held[route][place_of(place)] += number
    for one in routes:
        share = one.queued_s / one.response_s if one.response_s else 0.0
        places = held[one.route].most_common(1)
        if share < _LEAST_SHARE or not places or slots is None or seen.most("most_active") < slots:
            continue
        place = places[0][0]
        found.append(
            Waiting(
                **app.fields,
                **app.site(place),
                route=one.route,
                kind="slot",
                count=one.requests,
                total_s=one.queued_s * one.requests,
                longest_s=None,
                share=share,
                reason=f"all {count(slots, 'slot')} of the server are busy, with {place[3]}",
            )
        )
    return found
