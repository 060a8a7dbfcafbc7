"""Runs inside a server: watches what an event loop and its requests wait for, and changes no response.

PORTCOMPARE_WATCH names the file that each process writes what it saw to, with `{pid}` in its name, and
PORTCOMPARE_WATCHED the application. What was seen before a file of that name with `begin` in it appears is
forgotten: the first requests import, compile and connect.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import json
import os
import sys
import threading
import time
import warnings
from collections import Counter, defaultdict
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from importlib import import_module
from itertools import dropwhile, takewhile
from operator import attrgetter
from typing import Any

places: Any = import_module("portcompare_places")  # found only where this module is, in a server

# A step of the event loop that takes as long holds up all others: three looks, as one may be as late as the
# interpreter lets a thread run (sys.getswitchinterval).
STALL_S = 0.015
_MOST = 0.6  # of a stall's time: a function that takes as much is what holds up the loop
PROBE = "/portcompare-probe"  # a request for nothing, of portcompare
TICK_S = 0.005  # between two looks at the loop
WAITS_EACH = 10  # ticks between two looks at what requests wait for
WRITE_S = 0.5  # between two writes of what was seen
MOST_STACKS = 200  # places of which a stack is kept

# Events of the interpreter (sys.addaudithook) that stand for calls that wait, and what they wait for.
EVENTS = {
    "open": "a file",
    "os.listdir": "a file",
    "os.scandir": "a file",
    "os.mkdir": "a file",
    "os.remove": "a file",
    "os.rename": "a file",
    "shutil.copyfile": "a file",
    "shutil.copytree": "a file",
    "shutil.move": "a file",
    "shutil.rmtree": "a file",
    "tempfile.mkdtemp": "a file",
    "tempfile.mkstemp": "a file",
    "fcntl.flock": "a lock",
    "fcntl.lockf": "a lock",
    "socket.connect": "the network",
    "socket.getaddrinfo": "a name server",
    "socket.gethostbyname": "a name server",
    "socket.gethostbyaddr": "a name server",
    "socket.getnameinfo": "a name server",
    "sqlite3.connect": "a database",
    "subprocess.Popen": "a process",
    "os.system": "a process",
    "os.posix_spawn": "a process",
    "time.sleep": "a clock",
}

REQUEST: ContextVar[Any] = ContextVar("portcompare_request", default=None)
_clock = time.perf_counter


class Request:
    """A request that is being handled."""

    __slots__ = ("began_s", "route", "run_s", "since_s", "state", "tasks", "thread")

    def __init__(self, route: str) -> None:
        self.route = route
        self.began_s = _clock()
        self.run_s = 0.0  # how long it ran itself
        self.tasks: list[Any] = []
        self.thread: int | None = None  # the one that runs it, if it has one to itself
        self.state: Any = None  # what it was seen to wait for
        self.since_s = 0.0


class Stall:
    """What the loop was seen to run in one step."""

    __slots__ = ("cpu_s", "delay_s", "frame", "leaves", "lines", "route", "seconds")

    def __init__(self, frame: Any, route: str) -> None:  # noqa: ANN401 - the app's outermost frame
        self.frame = frame
        self.route = route
        self.seconds = self.cpu_s = self.delay_s = 0.0
        self.lines: dict[Any, float] = defaultdict(float)  # of the app, each with how deep it was called
        self.leaves: dict[str, float] = defaultdict(float)

    @property
    def place(self) -> Any:  # noqa: ANN401 - a place
        """The line that took most of the innermost function that took most of the time."""
        functions: dict[Any, float] = defaultdict(float)
        for (_, file, _, function, _), took_s in self.lines.items():
            functions[file, function] += took_s
        inner = max(
            (depth, file, function)
            for depth, file, _, function, _ in self.lines
            if functions[file, function] >= _MOST * self.seconds
        )
        lines = {line: took_s for line, took_s in self.lines.items() if (line[1], line[3]) == inner[1:]}
        return max(lines, key=lines.__getitem__)[1:]


class Watch:
    """What one process has seen since it began."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - the user's app
        self.inner = inner
        self.loop: Any = None
        self.loop_thread = self.loop_native = 0
        self.beats = 0  # of the loop: it has turned since the last
        self.base: tuple[Any, ...] = ()  # the frames that run the loop, of a server or of the app itself
        self.active: dict[int, Request] = {}
        self.by_task: dict[int, Request] = {}
        self.threads: dict[int, Job] = {}
        self.routes: dict[tuple[str, str], str] = {}
        self.rules = _find_rules(inner)
        self.unawaited: Counter[Any] = Counter()
        self.stall: Stall | None = None
        self.stall_beats = 0
        self.finished: dict[str, list[float]] = {}  # by route: how many, how long, and how long they ran
        self.clocks = (0.0, 0.0, 0.0)  # of the last look: now, CPU and run delay of the loop's thread
        self.forget()

    def forget(self) -> None:
        """Begin again."""
        self.began_s = _clock()
        self.idle = self.finished.get(PROBE, [0, 0.0, 0.0])
        self.finished = defaultdict(lambda: [0, 0.0, 0.0])
        self.stalls: dict[Any, dict[str, Any]] = {}
        self.events: Counter[Any] = Counter()
        self.glances: Counter[Any] = Counter()
        self.cpu_s = time.process_time()
        self.looks = self.busy_looks = self.rounds = self.active_rounds = self.full_rounds = 0
        self.states: dict[Any, list[float]] = defaultdict(lambda: [0, 0.0])
        self.jobs: dict[Any, list[float]] = {}
        self.held: Counter[Any] = Counter()
        self.most_queued = self.most_active = self.most_threads = 0
        self.unawaited.clear()
        self.stacks: dict[Any, list[str]] = {}

    # What runs in the app's threads

    def begin(self, method: str, path: str) -> Request:
        """Note that a request is handled."""
        request = Request(self.route_of(method, path))
        self.active[id(request)] = request
        self.most_active = max(self.most_active, len(self.active))
        return request

    def end(self, request: Request) -> None:
        """Note that a request was handled."""
        self.active.pop(id(request), None)
        for task in request.tasks:
            self.by_task.pop(id(task), None)
        request.tasks = []
        total = self.finished[request.route]
        total[0] += 1
        total[1] += _clock() - request.began_s
        total[2] += request.run_s

    def route_of(self, method: str, path: str) -> str:
        """The rule that a path belongs to, with its method; the path itself where no rule is known."""
        known = self.routes.get((method, path))
        if path == PROBE:
            known = PROBE
        if known is None:
            known = f"{method} {path}"
            if self.rules is not None:
                with suppress(Exception):  # no such route, or another method
                    known = f"{method} {self.rules.match(path, method=method, return_rule=True)[0].rule}"
            if len(self.routes) < 10_000:  # noqa: PLR2004 - paths with numbers in them
                self.routes[method, path] = known
        return known

    def add_task(self, request: Request, task: Any) -> None:  # noqa: ANN401 - a task
        """Note that a task handles a request."""
        request.tasks.append(task)
        self.by_task[id(task)] = request

    def watch_loop(self) -> None:
        """Watch the event loop that runs in this thread, once."""
        if self.loop is not None:
            return
        loop: Any = asyncio.get_running_loop()
        self.loop_native = threading.get_native_id()
        self.loop, self.loop_thread = loop, threading.get_ident()
        frames = places.frames_of(sys._getframe())[1:]  # noqa: SLF001 - the only way to the callers
        self.base = tuple(dropwhile(lambda one: one.f_code.co_flags & inspect.CO_COROUTINE, frames))
        create_task = loop.create_task

        def create(coroutine: Any, **options: Any) -> Any:  # noqa: ANN401 - as the loop takes and returns
            task = create_task(coroutine, **options)
            request = REQUEST.get()
            if request is not None:
                self.add_task(request, task)
            return task

        def beat() -> None:
            self.beats += 1
            loop.call_later(TICK_S, beat)

        loop.create_task = create
        beat()

    def frames_of(self, frame: Any) -> list[Any]:  # noqa: ANN401 - a frame, or None
        """A frame and its callers, innermost first, up to those that run the loop."""
        return list(takewhile(lambda one: one not in self.base, places.frames_of(frame)))

    def note_event(self, event: str, _arguments: tuple[Any, ...]) -> None:
        """Note a call that waits on the event loop."""
        if event in EVENTS and threading.get_ident() == self.loop_thread:
            frames = self.frames_of(sys._getframe(1))  # noqa: SLF001 - as above
            own = places.find_own(frames)
            if own is not None and not _is_asyncio(frames, own):
                request = REQUEST.get()
                route = request.route if request else ""
                self.events[event, EVENTS[event], self._place(own, frames), route] += 1

    def note_unawaited(self, coroutine: Any) -> None:  # noqa: ANN401 - a coroutine
        """Note a coroutine that nothing has awaited; where it was made is known from the second on."""
        sys.set_coroutine_origin_tracking_depth(1)
        if coroutine.cr_origin:
            file, line, function = coroutine.cr_origin[0]
            if places.is_own(file):
                self.unawaited[file, line, function, coroutine.__qualname__] += 1

    def _place(self, own: Any, frames: list[Any]) -> Any:  # noqa: ANN401 - a frame, or None
        if own is None:
            return None
        place = places.describe(own)
        if place not in self.stacks and len(self.stacks) < MOST_STACKS:
            self.stacks[place] = places.stack_of(frames)
        return place

    # What runs in the watching thread

    def look_for_ever(self, path: str) -> None:
        """Look at the loop and the requests, and write from time to time what was seen."""
        begin, file = path.replace("{pid}", "begin"), path.replace("{pid}", str(os.getpid()))
        has_begun = False
        ticks, wrote_s = 0, _clock()
        while True:
            time.sleep(TICK_S)
            ticks += 1
            with suppress(RuntimeError):  # a dictionary has changed meanwhile
                if self.loop_thread:
                    self._look_at_loop()
                if ticks % WAITS_EACH == 0:
                    self._look_at_waits()
            if not has_begun and ticks % WAITS_EACH == 0 and os.path.exists(begin):  # noqa: PTH110 - as above
                has_begun = True
                self.forget()
            if _clock() - wrote_s >= WRITE_S:
                with suppress(OSError, RuntimeError):  # the folder is gone, or as above
                    self._write(file)
                wrote_s = _clock()

    def _look_at_loop(self) -> None:
        """Note what the event loop runs.

        As this thread needs the interpreter, a look is late where code holds it: in the very call that does.
        So each look stands for all the time since the last. The loop is in the same step as long as it does
        not turn, and the outermost frame of the app is the same.
        """
        self.looks += 1
        frame = sys._current_frames().get(self.loop_thread)  # noqa: SLF001 - the only way to another thread
        beats = self.beats
        task = asyncio.current_task(self.loop)
        frames = self.frames_of(frame)
        own = places.find_own(frames)
        now_s, cpu_s, delay_s = _clock(), _read_cpu_s(self.loop_thread), _read_delay_s(self.loop_native)
        before_s, before_cpu_s, before_delay_s = self.clocks
        self.clocks = now_s, cpu_s, delay_s
        request = self.by_task.get(id(task))
        route = request.route if request else ""
        stall = self.stall
        chain = [one for one in frames if places.is_own(one.f_code.co_filename)]
        if stall is not None and (not chain or stall.frame is not chain[-1] or self.stall_beats != beats):
            self._end_stall(stall)
            self.stall = stall = None
        if task is not None or own is not None:
            self.busy_looks += 1
        if own is None:
            return
        leaf = "" if _is_asyncio(frames, own) else places.waits_in(frames[0])
        place = self._place(own, frames)
        if leaf:
            self.glances[leaf, place, route] += 1
        if stall is None:
            self.stall, self.stall_beats = stall, _ = Stall(chain[-1], route), beats
        took_s = now_s - before_s
        stall.seconds += took_s
        stall.cpu_s += cpu_s - before_cpu_s
        stall.delay_s += delay_s - before_delay_s
        for depth, line in enumerate(dict.fromkeys(self._place(one, frames) for one in reversed(chain))):
            stall.lines[(depth, *line)] += took_s
        stall.leaves[leaf] += took_s

    def _end_stall(self, stall: Stall) -> None:
        took_s = stall.seconds - stall.delay_s  # meanwhile the machine ran something else
        if took_s < STALL_S:
            return
        place = stall.place
        known = self.stalls.setdefault(
            (place, stall.route),
            {"count": 0, "total_s": 0.0, "longest_s": 0.0, "cpu_s": 0.0, "leaves": Counter()},
        )
        known["count"] += 1
        known["total_s"] += took_s
        known["longest_s"] = max(known["longest_s"], took_s)
        known["cpu_s"] += min(stall.cpu_s, took_s)
        known["leaves"][max(stall.leaves, key=stall.leaves.__getitem__)] += 1

    def _look_at_waits(self) -> None:
        """Count what each request under way waits for."""
        self.rounds += 1
        self.active_rounds += bool(self.active)
        self.full_rounds += 0 < self.most_threads <= len(self.threads)
        current = sys._current_frames()  # noqa: SLF001 - as above
        for request in list(self.active.values()):
            kind, place = "running", None
            if request.thread is None:
                kind, place = self._state_of(request)
            elif request.thread in current:
                frames = places.frames_of(current[request.thread])
                leaf, own = places.waits_in(frames[0]), places.find_own(frames)
                place = self._place(own, frames)
                kind = _kind_of(leaf, frames)
            if request.state != (kind, place):
                request.state, request.since_s = (kind, place), _clock()
            state = self.states[request.route, kind, place]
            state[0] += 1
            state[1] = max(state[1], _clock() - request.since_s)
        for thread, job in list(self.threads.items()):
            if thread in current:
                own = places.find_own(places.frames_of(current[thread]))
                self.held[job.place, places.describe(own) if own is not None else job.place] += 1

    def _state_of(self, request: Request) -> tuple[str, Any]:
        """What a request of the event loop waits for, and where."""
        state = "waiting"
        for task in reversed(request.tasks):
            if task.done():
                continue
            awaited = getattr(task, "_fut_waiter", None)
            is_ready = awaited is None or awaited.done()  # it has only to be run
            frames = places.awaited_frames(task.get_coro())
            own = places.find_own(frames)
            if own is not None:
                return "ready" if is_ready else _awaits(frames, own), self._place(own, frames)
            if is_ready:
                state = "ready"
        return state, None

    def _write(self, file: str) -> None:
        texts = {
            "seconds": _clock() - self.began_s,
            "routes": {route: total for route, total in self.finished.items() if route != PROBE},
            "idle": self.idle,
            "stalls": [
                {"place": place, "route": route, **one, "leaves": one["leaves"].most_common(3)}
                for (place, route), one in self.stalls.items()
            ],
            "events": [[*key, n] for key, n in self.events.items()],
            "glances": [[*key, n] for key, n in self.glances.items()],
            "cpu_s": time.process_time() - self.cpu_s,
            "looks": self.looks,
            "busy_looks": self.busy_looks,
            "rounds": self.rounds,
            "active_rounds": self.active_rounds,
            "full_rounds": self.full_rounds,
            "states": [[*key, *seen] for key, seen in self.states.items()],
            "jobs": [[*key, *times] for key, times in self.jobs.items()],
            "held": [[*key, n] for key, n in self.held.items()],
            "most_queued": self.most_queued,
            "most_threads": self.most_threads,
            "most_active": self.most_active,
            "unawaited": [[*key, n] for key, n in self.unawaited.items()],
            "debug": [name for name, is_on in self._debug() if is_on],
            "stacks": [[place, stack] for place, stack in self.stacks.items()],
        }
        with open(file + ".new", "w", encoding="utf-8") as out:  # noqa: PTH123 - without another import
            json.dump(texts, out)
        os.replace(file + ".new", file)  # noqa: PTH105 - as above

    def _debug(self) -> list[tuple[str, bool]]:
        is_app = bool(getattr(self.inner, "debug", False))
        return [("app", is_app), ("event loop", self.loop is not None and self.loop.get_debug())]


class Job:
    """A call that an executor's thread runs."""

    __slots__ = ("place", "route", "submitted_s")

    def __init__(self, place: Any, route: str) -> None:  # noqa: ANN401 - a place, or None
        self.place = place
        self.route = route
        self.submitted_s = _clock()


def watch_executors(watch: Watch) -> None:
    """Note how long each call waits for a thread."""
    submit = concurrent.futures.ThreadPoolExecutor.submit

    def run(job: Job, function: Any, arguments: Any, options: Any) -> Any:  # noqa: ANN401 - as given
        waited_s = _clock() - job.submitted_s
        times = watch.jobs.setdefault((job.place, job.route), [0, 0.0, 0.0, 0.0])
        times[0] += 1
        times[1] += waited_s
        times[2] = max(times[2], waited_s)
        thread = threading.get_ident()
        watch.threads[thread] = job
        began_s = _clock()
        try:
            return function(*arguments, **options)
        finally:
            times[3] += _clock() - began_s
            watch.threads.pop(thread, None)

    def submitted(self: Any, function: Any, /, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as above
        request = REQUEST.get()
        if request is None:
            return submit(self, function, *arguments, **options)
        own = places.find_own(watch.frames_of(sys._getframe(1)))  # noqa: SLF001 - as above
        place = places.describe(own) if own is not None else _defined_at(function, arguments)
        watch.most_queued = max(watch.most_queued, self._work_queue.qsize())
        watch.most_threads = max(watch.most_threads, self._max_workers)
        return submit(self, run, Job(place, request.route), function, arguments, options)

    concurrent.futures.ThreadPoolExecutor.submit = submitted  # type: ignore[method-assign]


def _defined_at(function: Any, arguments: tuple[Any, ...], depth: int = 0) -> Any:  # noqa: ANN401 - a place, or None
    """Where the app's own function is defined that a call leads to."""
    if depth > 5:  # noqa: PLR2004 - wrappers of wrappers
        return None
    code = (
        getattr(function, "__code__", None)
        or getattr(function, "gi_code", None)
        or getattr(function, "ag_code", None)
    )
    if code is not None and places.is_own(code.co_filename):
        return code.co_filename, code.co_firstlineno, code.co_name, code.co_name
    inner: list[Any] = [
        *arguments,
        getattr(function, "__wrapped__", None),
        getattr(function, "__func__", None),
    ]
    if isinstance(function, partial):
        inner += [function.func, *function.args]
    for cell in getattr(function, "__closure__", None) or ():
        with suppress(ValueError):  # not filled yet
            inner.append(cell.cell_contents)
    for one in inner:
        if callable(one) or inspect.isgenerator(one):
            place = _defined_at(one, (), depth + 1)
            if place is not None:
                return place
    return None


def _is_asyncio(frames: list[Any], own: Any) -> bool:  # noqa: ANN401 - frames
    """Whether asyncio itself makes the call that a line of the app only awaits, as to start a process."""
    inner = frames[: frames.index(own)] if own in frames else frames
    return any(f"{os.sep}asyncio{os.sep}" in one.f_code.co_filename for one in inner)


def _kind_of(leaf: str, frames: list[Any]) -> str:
    if leaf.startswith(("_thread.", "threading.")):
        files = {os.path.basename(one.f_code.co_filename) for one in frames[:6]}  # noqa: PTH119 - as above
        return "pool" if "queue.py" in files or any("pool" in file for file in files) else "lock"
    if leaf.startswith("_queue."):
        return "pool"
    return "waiting" if leaf else "running"


def _awaits(frames: list[Any], own: Any) -> str:  # noqa: ANN401 - frames
    """What kind of thing an awaiting line waits for, by the code between it and the innermost frame."""
    inner = frames[: frames.index(own)]
    names = [(one.f_code.co_filename, one.f_code.co_name) for one in inner]
    ends = {(os.path.basename(file), name) for file, name in names}  # noqa: PTH119 - as above
    if ("locks.py", "acquire") in ends and not any("ool" in file for file, _ in names):
        code = next(one.f_code for one in inner if one.f_code.co_name == "acquire")
        return "pool" if "Semaphore" in getattr(code, "co_qualname", "") else "lock"
    if any(file == "queues.py" for file, _ in ends):
        return "pool"
    waiting = (
        "acquire",
        "wait_for_connection",
        "get_connection",
        "_wait_for_available_connection",
        "checkout",
    )
    if any("ool" in file and name in waiting for file, name in names):
        return "pool"
    if any(
        name in ("run_in_executor", "to_thread", "run_sync", "_wrapper", "run_in_threadpool")
        for _, name in names
    ):
        return "thread"
    return "waiting"


def _read_cpu_s(thread: int) -> float:
    """How long a thread has run, in seconds; 0 if it has ended."""
    with suppress(OSError):
        return time.clock_gettime(time.pthread_getcpuclockid(thread))
    return 0.0


def _read_delay_s(thread: int) -> float:
    """How long a thread has waited for a CPU, in seconds; 0 where the system does not count it."""
    with suppress(OSError, IndexError, ValueError), open(f"/proc/self/task/{thread}/schedstat", "rb") as file:  # noqa: PTH123
        return int(file.read().split()[1]) / 1e9
    return 0.0


def _find_rules(app: Any) -> Any:  # noqa: ANN401 - a MapAdapter of werkzeug, or None
    for _ in range(10):
        if app is None or hasattr(app, "url_map"):
            break
        app = next((getattr(app, n) for n in ("app", "wsgi_app", "application") if hasattr(app, n)), None)
    with suppress(Exception):  # no table of routes that could be read
        return app.url_map.bind("localhost")
    return None


def wrap_asgi(watch: Watch, inner: Any) -> Any:  # noqa: ANN401 - an ASGI application
    """An ASGI application that notes what is handled."""

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - as ASGI says
        watch.watch_loop()
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        request = watch.begin(scope["method"], scope["path"])
        task = asyncio.current_task()
        if task is not None:
            watch.add_task(request, task)
        token = REQUEST.set(request)
        try:
            await inner(scope, receive, send)
        finally:
            REQUEST.reset(token)
            watch.end(request)

    return app


def wrap_wsgi(watch: Watch, inner: Any) -> Any:  # noqa: ANN401 - a WSGI application
    """A WSGI application that notes what is handled; a body that servers may treat in its own way stays."""

    def app(environ: Any, start_response: Any) -> Any:  # noqa: ANN401 - as WSGI says
        request = watch.begin(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
        request.thread = threading.get_ident()
        began_s = time.thread_time()

        def end() -> None:
            request.run_s = time.thread_time() - began_s
            watch.end(request)

        try:
            body = inner(environ, start_response)
        except BaseException:
            end()
            raise
        if not hasattr(body, "__next__"):
            end()
            return body
        return _Body(body, end)

    return app


class _Body:
    """A body that is made while it is sent."""

    def __init__(self, body: Any, end: Any) -> None:  # noqa: ANN401 - an iterator, and a function
        self._body, self._end = body, end

    def __iter__(self) -> Any:  # noqa: ANN401 - as the body's
        return self

    def __next__(self) -> Any:  # noqa: ANN401 - as above
        return next(self._body)

    def close(self) -> None:
        """Close the body."""
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._end()


def _load(target: str) -> Any:  # noqa: ANN401 - the user's app
    if target.endswith(")"):
        return import_module("portcompare_factory").make(target)
    module, _, name = target.partition(":")
    return attrgetter(name)(import_module(module))


def install(target: str, interface: str, path: str) -> Any:  # noqa: ANN401 - an application
    """Import an application, and watch it."""
    inner = _load(target)
    watch = Watch(inner)
    sys.addaudithook(watch.note_event)
    watch_executors(watch)
    warn: Any = getattr(warnings, "_warn_unawaited_coroutine", None)

    def warn_unawaited(coroutine: Any) -> None:  # noqa: ANN401 - a coroutine
        watch.note_unawaited(coroutine)
        warn(coroutine)

    if warn is not None:
        warnings._warn_unawaited_coroutine = warn_unawaited  # type: ignore[attr-defined] # noqa: SLF001 - by C

    def start() -> None:
        threading.Thread(target=watch.look_for_ever, args=(path,), daemon=True, name="portcompare").start()

    start()
    os.register_at_fork(after_in_child=start)
    return wrap_asgi(watch, inner) if interface == "asgi" else wrap_wsgi(watch, inner)


app = install(
    os.environ["PORTCOMPARE_WATCHED"], os.environ["PORTCOMPARE_INTERFACE"], os.environ["PORTCOMPARE_WATCH"]
)
