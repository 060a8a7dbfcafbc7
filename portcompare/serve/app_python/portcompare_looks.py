"""The thread that looks at a watched server's event loop and requests."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import time
from collections import Counter
from contextlib import suppress
from importlib import import_module
from operator import sub
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

places: Any = import_module("portcompare_places")  # found only where this module is, in a server
_seen: Any = import_module("portcompare_seen")

# A step of the event loop that takes as long holds up all others: three looks, as one may be as late as the
# interpreter lets a thread run (sys.getswitchinterval).
STALL_S = 0.015
TICK_S = 0.005  # between two looks at the loop
_WAITS_EACH = 10  # ticks between two looks at what requests wait for
_WRITE_S = 0.5  # between two writes of what was seen
# Functions of pools that wait for a free place, and functions that wait for a call in a thread.
_TAKING = {
    *("_acquire", "_wait_for_available_connection", "checkout", "get_connection", "getconn"),
    "wait_for_connection",
}
_POOLS = ("Connector", "Limiter", "Pool", "Semaphore")  # in the names of their classes
WAKES_ALL = "_portcompare_wakes_all"  # of a condition that hands nothing over: all who wait go on at once
_SERVERS = ("granian", "gunicorn", "hypercorn", "uvicorn")  # what awaits their functions sends or receives
_IN_THREADS = {"run_in_executor", "to_thread", "run_sync", "_wrapper", "run_in_threadpool"}
_clock = time.perf_counter


class Looker:
    """Looks at what a `Watch` knows of, and counts in what it has seen."""

    def __init__(self, watch: Any) -> None:
        self.watch, self.seen = watch, watch.seen
        self.stall: Any = None
        self.stall_beats = 0
        self.schedstat = -1  # the kernel's file of the thread that looks
        # Of the last look: now, CPU and run delay of the loop's thread, run delay of this one
        self.clocks: tuple[float, ...] = ()

    def look_for_ever(self, path: str) -> None:
        """Look at the loop and the requests, and write from time to time what was seen."""
        begin, file = path.replace("{pid}", "begin"), path.replace("{pid}", str(os.getpid()))
        self.schedstat = _seen.open_schedstat()
        has_begun = False
        ticks, wrote_s = 0, _clock()
        while True:
            time.sleep(TICK_S)
            ticks += 1
            with suppress(RuntimeError):  # a dictionary has changed meanwhile
                if self.watch.loop_thread:
                    self.look_at_loop()
                if ticks % _WAITS_EACH == 0:
                    self._look_at_waits()
            if not has_begun and ticks % _WAITS_EACH == 0 and os.path.exists(begin):
                has_begun = True
                self.seen.forget()
            if _clock() - wrote_s >= _WRITE_S:
                with suppress(OSError, RuntimeError):  # the folder is gone, or as above
                    self.seen.write(file, self.watch.debugged())
                wrote_s = _clock()

    def look_at_loop(self) -> None:
        """Note what the event loop runs.

        As this thread needs the interpreter, a look is late where code holds it: in the very call that does.
        So each look stands for all the time since the last. The loop is in the same step as long as it does
        not turn, and the outermost frame of the task is the same.
        """
        self.seen.looks += 1
        frame = sys._current_frames().get(self.watch.loop_thread)
        beats = self.watch.beats
        task = asyncio.current_task(self.watch.loop)
        frames = self.watch.frames_of(frame)
        own = places.find_own(frames)
        before, self.clocks = self.clocks, self._read_clocks()
        if not before:
            return
        took_s, cpu_s, delay_s, own_delay_s = map(sub, self.clocks, before)
        waited_s = max(took_s - cpu_s - delay_s, 0.0)
        request = self.watch.by_task.get(id(task))
        route = request.route if request else ""
        stall, root = self.stall, _find_root(frames)
        if stall is not None and (stall.root is not root or self.stall_beats != beats):
            own_s = stall.seconds - stall.delay_s  # meanwhile the machine ran something else
            if own_s >= STALL_S:
                self.seen.add_stall(stall, own_s)
            self.stall = stall = None
        if task is not None or own is not None:
            self.seen.busy_looks += 1
        leaf, lines = self._find_lines(frames, own, route if task is not None else "")
        if not lines:
            return
        if leaf:
            glance = self.seen.glances[leaf, lines[-1][1:], route]
            glance[0] += 1
            # Calls that let others run are looked at most: what was computed before is not theirs.
            glance[1] += waited_s
        else:  # for this thread, which had the interpreter and no CPU
            delay_s += min(waited_s, own_delay_s)
        if stall is None:
            self.stall = stall = _seen.Stall(root, route)
            self.stall_beats = beats
        stall.seconds += took_s
        stall.cpu_s += cpu_s
        stall.delay_s += delay_s
        for depth, line in enumerate(lines):
            stall.lines[(depth, *line)] += took_s
        stall.leaves[leaf] += took_s

    def _read_clocks(self) -> tuple[float, ...]:
        delays_s = map(_read_delay_s, (self.watch.schedstat, self.schedstat))
        return _clock(), _read_cpu_s(self.watch.loop_thread), *delays_s

    def _find_lines(self, frames: list[Any], own: Any, route: str) -> tuple[str, list[Any]]:
        """What the loop waits in, empty if it does not; and the app's lines that run, outermost first.

        Before each line stands its code, as functions of one file may have the same name.
        """
        if any(one.f_code.co_filename == asyncio.subprocess.__file__ for one in frames):
            return "", []  # it starts a process, which an app has no better way to do
        if own is not None:
            leaf = "" if is_asyncio(frames, own) else places.waits_within(frames[: frames.index(own) + 1])
            chain = [one for one in reversed(frames) if places.is_own(one.f_code.co_filename)]
            lines = ((id(one.f_code), *self.seen.place(one, frames)) for one in chain)
            return leaf, list(dict.fromkeys(lines))
        if route in self.watch.views and any(one.f_code.co_name == "finalize_request" for one in frames):
            # What Quart makes of what the view has returned.
            return "", [(0, *self.watch.views[route], places.name_of_frame(frames[0]))]
        return "", []

    def _look_at_waits(self) -> None:
        """Count what each request under way waits for."""
        self.seen.rounds += 1
        self.seen.active_rounds += bool(self.watch.active)
        current = sys._current_frames()
        for request in list(self.watch.active.values()):
            kind, place = "running", None
            if request.thread is None:
                kind, place = self._state_of(request)
            elif request.thread in current:
                frames = places.frames_of(current[request.thread])
                leaf, own = places.waits_in(frames[0]), places.find_own(frames)
                place = self.seen.place(own, frames)
                kind = _kind_of(leaf, frames)
            if request.state != (kind, place):
                request.state, request.since_s = (kind, place), _clock()
            state = self.seen.states[request.route, kind, place]
            state[0] += 1
            state[1] = max(state[1], _clock() - request.since_s)
        jobs = list(self.watch.threads.items())
        for pool, number in Counter(job.pool for _, job in jobs).items():
            self.seen.pools[pool][0] += number >= pool[0]
        for thread, job in jobs:
            if thread in current:
                own = places.find_own(places.frames_of(current[thread]))
                place = places.describe(own) if own is not None else job.place
                self.seen.held[job.pool, job.place, place] += 1

    def _state_of(self, request: Any) -> tuple[str, Any]:
        """What a request of the event loop waits for, and where."""
        state = "sending"  # or receiving: nothing of the app is awaited
        for task in reversed(request.tasks):
            if task.done():
                continue
            frames = places.awaited_frames(task.get_coro())
            own = places.find_own(frames)
            other = _find_awaited(task, frames)
            is_ready = _is_ready(task) or (other is not None and _is_ready(other))
            if own is not None:
                inner = places.awaited_frames(other.get_coro()) if other is not None else []
                kind = "ready" if is_ready else _awaits(inner + frames, own, self.watch.by_task)
                return kind, self.seen.place(own, frames)
            if is_ready:
                state = "ready"
        return state, None


def _is_ready(task: Any) -> bool:
    """Whether a task has only to be run."""
    awaited = getattr(task, "_fut_waiter", None)
    return awaited is None or awaited.done()


def _find_awaited(task: Any, frames: list[Any]) -> Any:
    """Another task that a task awaits, as `wait_for`, `gather` and `await task` do; None for none."""
    awaited = getattr(task, "_fut_waiter", None)
    others = [awaited, *getattr(awaited, "_children", ())]
    others += [value for frame in frames[:1] for value in frame.f_locals.values()]
    found = (one for one in others if isinstance(one, asyncio.Task) and one is not task and not one.done())
    return next(found, None)


def _find_root(frames: list[Any]) -> Any:
    """The outermost frame of the task or the callback that runs."""
    tasks = (one for one in reversed(frames) if one.f_code.co_flags & inspect.CO_COROUTINE)
    callbacks = (one for one in reversed(frames) if f"{os.sep}asyncio{os.sep}" not in one.f_code.co_filename)
    return next(tasks, next(callbacks, None))


def _is_sending(frame: Any) -> bool:
    """Whether a frame is of a server or of the event loop."""
    return any(f"{os.sep}{each}{os.sep}" in frame.f_code.co_filename for each in (*_SERVERS, "asyncio"))


def is_asyncio(frames: list[Any], own: Any) -> bool:
    """Whether asyncio itself makes the call that a line of the app only awaits, as to start a process."""
    return any(f"{os.sep}asyncio{os.sep}" in one.f_code.co_filename for one in frames[: frames.index(own)])


def _kind_of(leaf: str, frames: list[Any]) -> str:
    if leaf.startswith(("_thread.", "threading.")):
        files = {os.path.basename(one.f_code.co_filename) for one in frames[:6]}
        return "pool" if "queue.py" in files or any("pool" in file for file in files) else "lock"
    if leaf.startswith("_queue."):
        return "pool"
    return "waiting" if leaf else "running"


def _awaits(frames: list[Any], own: Any, by_task: dict[int, Any]) -> str:
    """What kind of thing an awaiting line waits for, by the code between it and the innermost frame.

    `by_task`: the requests.
    """
    for one in frames[: frames.index(own)]:
        name, held = one.f_code.co_name, one.f_locals.get("self")
        file, kind = os.path.basename(one.f_code.co_filename), type(held).__name__
        is_pool = "pool" in file or any(part in kind for part in _POOLS)
        if name.startswith("acquire"):
            return "pool" if is_pool else "lock"
        if file == "queues.py" or (kind == "Condition" and name == "wait"):
            # One that other requests wait for, too, and not one of the request's own.
            requests = {id(by_task[task]) for task in _find_waiting(held) if task in by_task}
            return "pool" if len(requests) > 1 and not hasattr(held, WAKES_ALL) else "waiting"
        if is_pool and name in _TAKING:
            return "pool"
        if name in _IN_THREADS:
            return "thread"
        if _is_sending(one) and "asyncio" not in one.f_code.co_filename:
            return "sending"
    return "waiting"


def _find_waiting(held: Any) -> Iterator[int]:
    """The identities of the tasks that wait for a queue or a condition."""
    for name in ("_getters", "_putters", "_waiters"):
        for future in list(getattr(held, name, ())):
            yield from (id(getattr(wake, "__self__", None)) for wake, _ in future._callbacks or ())


def _read_cpu_s(thread: int) -> float:
    """How long a thread has run, in seconds; 0 if it has ended."""
    with suppress(OSError):
        return time.clock_gettime(time.pthread_getcpuclockid(thread))
    return 0.0


def _read_delay_s(schedstat: int) -> float:
    """How long a thread has waited for a CPU, in seconds; 0 where the system does not count it."""
    with suppress(OSError, IndexError, ValueError):
        return int(os.pread(schedstat, 100, 0).split()[1]) / 1e9
    return 0.0
