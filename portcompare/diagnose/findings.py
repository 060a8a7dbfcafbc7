"""What watched processes have seen, as findings: lines that block, queues, mistakes, and where time goes."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portcompare.diagnose.watching import PROBE, Place, Seen, place_of
from portcompare.masking import mask_passwords
from portcompare.records.diagnosis import (
    EVERY_ROUTE,
    Blocking,
    Mistake,
    RouteTime,
    Waiting,
    WaitKind,
)
from portcompare.units import count, duration

LEAST_TIMES = 3  # what was seen less often may be chance
_LEAST_SHARE = 0.05  # of a route's requests, or of the time: less does not hold up others
_LEAST_GLANCES = 0.01  # of all looks at a busy loop
_LEAST_WAITED = 0.004  # of the time: of calls that are seen as often as that
_LEAST_WAIT = 0.25  # of a route's time: a queue that takes less is no bottleneck
_LEAST_FULL = 0.5  # of the time that requests are handled, all threads must be busy
_CHUNKS = 20  # calls in threads for one request

_LOGGING = "logging: "
# What takes microseconds in every app, as to write a log or look at a file: named if it has to be waited for.
_SHORT = (_LOGGING, "posix.", "os.")
_WORDS = {
    "a clock": ("time.",),
    "a database": ("sqlite3.", "_sqlite3.", "psycopg2.", "MySQLdb.", "_mysql.", "pyodbc.", "oracledb."),
    "a lock or another thread": ("_thread.", "threading.", "_queue.", "queue."),
    "a process": ("subprocess.", "posix.wait", "os.wait", "select.poll.poll"),
    "an event loop of its own": ("select.epoll",),
    "the network": ("_socket.", "socket.", "_ssl.", "ssl.", "requests.", "urllib.", "http.", "select.select"),
    "a file": ("_io.", "io.", "posix.", "os.", "shutil.", "tempfile.", "fcntl."),
}
# A call that starts a process opens files as well, and one that opens a connection looks up a name.
_RANKS = ("a process", "a database", "the network", "a name server", "a lock or another thread", "a clock")

_DEBUG = re.compile(
    r"""\bdebug["']?\]?\s*(: *bool *)?[=:,]\s*(True|1)\b|\bset_debug\(\s*True""", re.IGNORECASE
)
_MOST_FILES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What was watched."""

    deployment: str
    scenario: str
    directory: Path  # of the app

    def site(self, place: Place) -> dict[str, Any]:
        """A place, as the fields of a site."""
        file, line, function, call = place
        return {
            "file": self.shorten(file),
            "line": line,
            "function": function,
            "call": mask_passwords(call),  # a line as it stands in the text may hold a literal secret
        }

    def shorten(self, text: str) -> str:
        """A path within the app's directory, relative to it."""
        return text.removeprefix(f"{self.directory}/")

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that name it."""
        return {"deployment": self.deployment, "scenario": self.scenario}


@dataclass(slots=True)
class _Held:
    """How a line held up the event loop."""

    stalls: int = 0
    total_s: float = 0.0
    longest_s: float = 0.0
    cpu_s: float = 0.0
    events: Counter[str] = field(default_factory=Counter)
    glances: float = 0
    waited_s: float = 0.0  # of those
    places: Counter[Place] = field(default_factory=Counter)  # the line with what it calls
    waits: Counter[tuple[str, str]] = field(default_factory=Counter)  # for what, in which call
    routes: Counter[str] = field(default_factory=Counter)


def find_blocking(names: Names, seen: Seen) -> list[Blocking]:
    """The lines that held up an event loop, those that cost most first."""
    requests = {route: number for route, (number, *_) in seen.routes.items()}
    found = []
    for one in _collect(seen):
        concerned = sum(requests.get(route, 0) for route in one.routes) or sum(requests.values())
        least = max(LEAST_TIMES, _LEAST_SHARE * concerned)
        is_long = one.total_s >= _LEAST_SHARE * seen.seconds or one.stalls >= least
        least_glances = max(LEAST_TIMES, _LEAST_GLANCES * seen.total("busy_looks"))
        waited = one.waited_s / seen.seconds if seen.seconds else 0.0
        is_waiting = waited >= (_LEAST_WAITED if one.glances >= least_glances else _LEAST_SHARE)
        calls = max(one.events.values(), default=0)
        if not (one.stalls >= LEAST_TIMES and is_long) and calls < least and not is_waiting:
            continue
        number, total_s = max(one.stalls, calls), one.total_s
        if one.waited_s > total_s or not number:  # most calls are too short to be stalls
            number, total_s = max(number, concerned), max(one.waited_s, total_s)
        place = one.places.most_common(1)[0][0]
        found.append(
            Blocking(
                **names.fields,
                **names.site(place),
                route=_name_routes(one.routes, requests),
                count=number,
                total_s=total_s,
                longest_s=max(one.longest_s, total_s / number),
                reason=_explain(one, place[3]),
                stack=tuple(names.shorten(each) for each in seen.stacks.get(place, ())),
            )
        )
    return sorted(found, key=lambda one: -one.total_s)


def _collect(seen: Seen) -> Iterable[_Held]:
    """All that was seen of each line that held up the loop, whatever it called."""
    lines: defaultdict[tuple[str, int], _Held] = defaultdict(_Held)

    def note(row: Iterable[Any], route: str, number: int) -> _Held:
        place = place_of(row)
        one = lines[place[:2]]
        one.places[place] += number
        one.routes[route] += number
        return one

    for stall in seen.rows("stalls"):
        one = note(stall["place"], stall["route"], stall["count"])
        one.stalls += stall["count"]
        one.total_s += stall["total_s"]
        one.longest_s = max(one.longest_s, stall["longest_s"])
        one.cpu_s += stall["cpu_s"]
        one.waits.update({(_wait_of(leaf), leaf): number for leaf, number in stall["leaves"] if leaf})
    for event, awaited, place, route, number in seen.rows("events"):
        one = note(place, route, number)
        one.events[event] += number
        one.waits[awaited, event] += number
    for leaf, place, route, number, waited_s in seen.rows("glances"):
        one = note(place, route, number)
        one.glances += 0 if leaf.startswith(_SHORT) else number
        one.waited_s += waited_s
        one.waits[_wait_of(leaf), leaf.removeprefix(_LOGGING)] += number
    return lines.values()


def _explain(held: _Held, call: str) -> str:
    if held.waits:
        most = max(held.waits.values())
        likely = [one for one, number in held.waits.items() if 2 * number >= most]
        awaited, inner = min(
            likely, key=lambda one: _RANKS.index(one[0]) if one[0] in _RANKS else len(_RANKS)
        )
        return f"waits for {awaited}" + ("" if inner == call else f", in {inner}")
    return "computes" if held.cpu_s >= held.total_s / 2 else "waits in code that is not Python's"


def _wait_of(leaf: str) -> str:
    name = leaf.removeprefix(_LOGGING)
    return next((words for words, starts in _WORDS.items() if name.startswith(starts)), name)


def _name_routes(routes: Mapping[str, int], requests: Mapping[str, int]) -> str:
    """The routes that a line belongs to: one, several or all."""
    known = [route for route in routes if route not in ("", PROBE)]
    if len(requests) > 1 and len(known) == len(requests):
        return EVERY_ROUTE
    return ", ".join(sorted(known))


def find_waiting(names: Names, seen: Seen) -> list[Waiting]:
    """What requests queue for inside the app, what takes most of their time first."""
    found = [*_find_locks(names, seen), *_find_threads(names, seen)]
    return sorted(found, key=lambda one: -one.total_s)


def _find_locks(names: Names, seen: Seen) -> Iterator[Waiting]:
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
        if number < LEAST_TIMES or share < _LEAST_WAIT:
            continue
        holders = [one for one in others[place[0], place[2]].most_common(2) if one[0] != place][:1]
        at = f"{names.shorten(holders[0][0][0])}:{holders[0][0][1]}, {holders[0][0][3]}" if holders else ""
        wanted: WaitKind = "lock" if kind == "lock" else "pool"
        what = "the lock" if kind == "lock" else "a place in a pool or queue"
        yield Waiting(
            **names.fields,
            **names.site(place),
            route=route,
            kind=wanted,
            count=int(number),
            total_s=number * look_s,
            longest_s=longest_s,
            share=share,
            reason=f"waits for {what}" + (f", which others hold at {at}" if at else ""),
        )


def _find_threads(names: Names, seen: Seen) -> Iterator[Waiting]:
    jobs: dict[tuple[Place, str], list[float]] = {}
    for place, route, number, waited_s, longest_s, ran_s in seen.rows("jobs"):
        if place is not None:
            one = jobs.setdefault((place_of(place), route), [0.0, 0.0, 0.0, 0.0])
            for index, value in enumerate((number, waited_s)):
                one[index] += value
            one[2] = max(one[2], longest_s)
            one[3] += ran_s
    held: defaultdict[Place, Counter[Place]] = defaultdict(Counter)
    for place, inside, number in seen.rows("held"):
        if place is not None and inside is not None:
            held[place_of(place)][place_of(inside)] += number
    for (place, route), (number, waited_s, longest_s, ran_s) in jobs.items():
        requests, handled_s, _ = seen.routes.get(route, (0, 0.0, 0.0))
        share = min(waited_s / handled_s, 1.0) if handled_s else 0.0
        calls = number / requests if requests else 0.0
        is_full = seen.total("full_rounds") >= _LEAST_FULL * seen.total("active_rounds")
        if number < LEAST_TIMES or not ((share >= _LEAST_WAIT and is_full) or calls >= _CHUNKS):
            continue
        inside = next(iter(held[place].most_common(1)), (place, 0))[0]
        runs = f"; they run {inside[3]} at {names.shorten(inside[0])}:{inside[1]}" if inside != place else ""
        if place[3] == place[2]:  # where a function is defined that Quart itself runs in a thread
            runs = f"; they run {place[2]}, defined at {names.shorten(place[0])}:{place[1]}"
            place = inside  # noqa: PLW2901 - the line that holds the threads
        threads = seen.most("most_threads")
        waiting = seen.most("most_queued")
        queue = f"all {count(threads, 'thread')} of the executor are busy, up to {waiting} calls wait"
        if calls >= _CHUNKS:
            queue = f"{calls:.0f} calls in threads for each request, {duration(ran_s / number)} each; {queue}"
        yield Waiting(
            **names.fields,
            **names.site(place),
            route=route,
            kind="thread",
            count=int(number),
            total_s=waited_s,
            longest_s=longest_s,
            share=share,
            reason=queue + runs,
        )


def find_mistakes(names: Names, seen: Seen) -> list[Mistake]:
    """Coroutines that nothing awaits, and debugging that was left on."""
    found: Counter[tuple[Place, str]] = Counter()
    for file, line, function, name, number in seen.rows("unawaited"):
        found[(file, line, function, name), "this coroutine is never awaited: the call does nothing"] += (
            number
        )
    debugged = {name for one in seen.processes for name in one["debug"]}
    if debugged:
        place = next(_find_debug(names.directory), ("", 0, "", "debug, perhaps set by the environment"))
        found[
            place, f"debugging is on in the {' and the '.join(sorted(debugged))}: it slows down each request"
        ] += 1
    return [
        Mistake(**names.fields, **names.site(place), count=number, reason=reason)
        for (place, reason), number in found.items()
    ]


def _find_debug(directory: Path) -> Iterator[Place]:
    """Where a project turns debugging on."""
    for path in list_modules(directory):
        for number, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if _DEBUG.search(text.partition("#")[0]):
                yield str(path), number, "", text.strip()


def list_modules(directory: Path) -> list[Path]:
    """The modules of a project, without those of environments and hidden folders."""
    found: list[Path] = []
    for path in sorted(directory.rglob("*.py")):
        inside = path.relative_to(directory).parts[:-1]
        if any(part.startswith(".") or part in {"site-packages", "node_modules"} for part in inside):
            continue
        found.append(path)
        if len(found) == _MOST_FILES:
            break
    return found


def split_time(names: Names, seen: Seen, response_s: float | None, network_s: float) -> list[RouteTime]:
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
    for _, route, _, waited_s, *_ in seen.rows("jobs"):
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
                **names.fields,
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


def slot_waiting(names: Names, seen: Seen, routes: Iterable[RouteTime], slots: int | None) -> list[Waiting]:
    """What holds the server's slots, where requests wait for one before their handler begins."""
    found = []
    held: defaultdict[str, Counter[Place]] = defaultdict(Counter)
    for route, _, place, number, _ in seen.rows("states"):
        if place is not None:
            held[route][place_of(place)] += number
    for one in routes:
        total_s = (
            one.queued_s + one.blocked_s + one.waited_s + one.upstream_s + one.computed_s + one.network_s
        )
        share = one.queued_s / total_s if total_s else 0.0
        places = held[one.route].most_common(1)
        if share < _LEAST_WAIT or not places or slots is None or seen.most("most_active") < slots:
            continue
        place = places[0][0]
        found.append(
            Waiting(
                **names.fields,
                **names.site(place),
                route=one.route,
                kind="slot",
                count=one.requests,
                total_s=one.queued_s * one.requests,
                longest_s=one.queued_s,
                share=share,
                reason=f"all {count(slots, 'slot')} of the server are busy, with {place[3]}",
            )
        )
    return found
