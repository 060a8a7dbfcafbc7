"""Lines that hold up an event loop, and mistakes, by what watched processes have seen."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portcompare.diagnose.watching import PROBE, Place, Seen, WatchedApp, place_of
from portcompare.records.diagnosis import EVERY_ROUTE, Blocking, Mistake

_LEAST_TIMES = 3  # what was seen less often may be chance
_LEAST_SHARE = 0.05  # of a route's requests, or of the time: less does not hold up others
_LEAST_GLANCES = 0.01  # of all looks at a busy loop
_LEAST_WAITED = 0.004  # of the time: of calls that are seen as often as that

_LOGGING = "logging: "
# What takes microseconds in every app, as to write a log or look at a file: named if it has to be waited for.
_SHORT = (_LOGGING, "posix.", "os.")
# What calls and the interpreter's events wait for, by how their names begin; the first that fits. It is also
# their order: a call that starts a process opens files as well, one that connects looks up a name.
_WAITS = {
    "a process": (
        *("pipe: ", "subprocess.", "posix.system", "posix.wait", "os.posix_spawn", "os.system", "os.wait"),
        "select.poll.poll",
    ),
    "a database": ("sqlite3.", "_sqlite3.", "psycopg2.", "MySQLdb.", "_mysql.", "pyodbc.", "oracledb."),
    "a name server": (
        *("socket.getaddrinfo", "socket.gethost", "socket.getnameinfo"),
        *("_socket.getaddrinfo", "_socket.gethost", "_socket.getnameinfo"),
    ),
    "the network": ("_socket.", "socket.", "_ssl.", "ssl.", "requests.", "urllib.", "http.", "select.select"),
    "a lock or another thread": ("_thread.", "threading.", "_queue.", "queue.", "fcntl."),
    "a clock": ("time.",),
    "an event loop of its own": ("select.epoll",),
    "a file": ("open", "_io.", "io.", "posix.", "os.", "shutil.", "tempfile."),
}

_DEBUG = re.compile(
    r"""\bdebug["']?\]?\s*(: *bool *)?[=:,]\s*(True|1)\b|\bset_debug\(\s*True""", re.IGNORECASE
)
_RUN = re.compile(r"\.run\(([^()]|\([^()]*\))*\)")  # of the app's own server, which does not serve it here
_PATTERNS = ("*.py", "*.toml", "*.cfg", "*.ini", "*config*.json")
_MOST_FILES = 2000


@dataclass(slots=True)
class _Held:
    """How a line held up the event loop."""

    stalls: int = 0
    total_s: float = 0.0
    longest_s: float = 0.0
    cpu_s: float = 0.0
    events: Counter[str] = field(default_factory=Counter)
    looks: int = 0  # That found it in a call
    glances: float = 0  # Of those, without calls that take microseconds in every app
    waited_s: float = 0.0  # In the looks
    places: Counter[Place] = field(default_factory=Counter)  # the line with what it calls
    waits: Counter[tuple[str, str]] = field(default_factory=Counter)  # for what, in which call
    routes: Counter[str] = field(default_factory=Counter)


def find_blocking(app: WatchedApp, seen: Seen) -> list[Blocking]:
    """The lines that held up an event loop, those that cost most first."""
    requests = {route: number for route, (number, *_) in seen.routes.items()}
    found = []
    for one in _collect(seen):
        concerned = sum(requests.get(route, 0) for route in one.routes) or sum(requests.values())
        least = max(_LEAST_TIMES, _LEAST_SHARE * concerned)
        is_long = one.total_s >= _LEAST_SHARE * seen.seconds or one.stalls >= least
        least_glances = max(_LEAST_TIMES, _LEAST_GLANCES * seen.total("busy_looks"))
        waited = one.waited_s / seen.seconds if seen.seconds else 0.0
        least_waited = _LEAST_WAITED if one.glances >= least_glances else _LEAST_SHARE
        is_waiting = waited >= least_waited and one.looks >= _LEAST_TIMES
        calls = max(one.events.values(), default=0)
        if not (one.stalls >= _LEAST_TIMES and is_long) and calls < least and not is_waiting:
            continue
        number, total_s = max(one.stalls, calls), one.total_s
        if one.waited_s > total_s or not number:  # most calls are too short to be stalls
            number, total_s = max(number, concerned), max(one.waited_s, total_s)
        place = one.places.most_common(1)[0][0]
        found.append(
            Blocking(
                **app.fields,
                **app.site(place),
                route=_name_routes(one.routes, requests),
                count=number,
                total_s=total_s,
                longest_s=max(one.longest_s, total_s / number),
                reason=_explain(one, place[3]),
                stack=tuple(app.shorten(each) for each in seen.stacks.get(place, ())),
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
    for event, place, route, number in seen.rows("events"):
        one = note(place, route, number)
        one.events[event] += number
        one.waits[_wait_of(event), event] += number
    for leaf, place, route, number, waited_s in seen.rows("glances"):
        one = note(place, route, number)
        one.looks += number
        one.glances += 0 if leaf.startswith(_SHORT) else number
        one.waited_s += waited_s
        one.waits[_wait_of(leaf), leaf.removeprefix(_LOGGING)] += number
    return lines.values()


def _explain(held: _Held, call: str) -> str:
    if held.waits:
        most = max(held.waits.values())
        likely = [one for one, number in held.waits.items() if 2 * number >= most]
        awaited, inner = min(likely, key=lambda one: [*_WAITS, one[0]].index(one[0]))
        return f"waits for {awaited}" + ("" if inner == call else f", in {inner}")
    return "computes" if held.cpu_s >= held.total_s / 2 else "waits in code that is not Python's"


def _wait_of(leaf: str) -> str:
    name = leaf.removeprefix(_LOGGING)
    return next((words for words, starts in _WAITS.items() if name.startswith(starts)), name)


def _name_routes(routes: Mapping[str, int], requests: Mapping[str, int]) -> str:
    """The routes that a line belongs to: one, several or all."""
    known = [route for route in routes if route not in ("", PROBE)]
    if len(requests) > 1 and len(known) == len(requests):
        return EVERY_ROUTE
    return ", ".join(sorted(known))


def find_mistakes(app: WatchedApp, seen: Seen) -> list[Mistake]:
    """Coroutines that nothing awaits, and debugging that was left on."""
    found: Counter[tuple[Place, str]] = Counter()
    for file, line, function, name, number in seen.rows("unawaited"):
        found[(file, line, function, name), "this coroutine is never awaited: the call does nothing"] += (
            number
        )
    debugged = {name for one in seen.processes for name in one["debug"]}
    if debugged:
        place = next(_find_debug(app.directory), ("", 0, "", "debug, perhaps set by the environment"))
        found[
            place, f"debugging is on in the {' and the '.join(sorted(debugged))}: it slows down each request"
        ] += 1
    return [
        Mistake(**app.fields, **app.site(place), count=number, reason=reason)
        for (place, reason), number in found.items()
    ]


def _find_debug(directory: Path) -> Iterator[Place]:
    """Where a project turns debugging on."""
    for path in _list_files(directory):
        text = path.read_text(encoding="utf-8", errors="replace")
        text = _RUN.sub(lambda run: "\n" * run[0].count("\n"), text)
        for number, line in enumerate(text.splitlines(), 1):
            if _DEBUG.search(line.partition("#")[0]):
                yield str(path), number, "", line.strip()


def _list_files(directory: Path) -> list[Path]:
    """The modules of a project and then its settings, without those of environments and hidden folders."""
    found: list[Path] = []
    for path in [path for pattern in _PATTERNS for path in sorted(directory.rglob(pattern))]:
        inside = path.relative_to(directory).parts[:-1]
        if any(part.startswith(".") or part in {"site-packages", "node_modules"} for part in inside):
            continue
        found.append(path)
        if len(found) == _MOST_FILES:
            break
    return found
