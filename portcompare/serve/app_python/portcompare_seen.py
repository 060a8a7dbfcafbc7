"""What one process of a watched server has seen, and how it is written for portcompare."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from importlib import import_module
from typing import Any

places: Any = import_module("portcompare_places")  # found only where this module is, in a server

PROBE = "/portcompare-probe"  # a request for nothing, of portcompare
_MOST = 0.6  # of a stall's time: a function that takes as much is what holds up the loop
_MOST_STACKS = 200  # places of which a stack is kept
_clock = time.perf_counter


def open_schedstat() -> int:
    """The file in which the kernel counts how long this thread has run and waited; -1 where it does not."""
    with suppress(OSError):
        path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return -1


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


class Job:
    """A call that an executor's thread runs."""

    __slots__ = ("place", "pool", "route", "submitted_s")

    def __init__(self, place: Any, route: str, pool: Any) -> None:
        self.place = place
        self.route = route
        self.pool = pool  # how many threads its executor has, and where it was used first
        self.submitted_s = _clock()


class Stall:
    """What the loop was seen to run in one step."""

    __slots__ = ("cpu_s", "delay_s", "leaves", "lines", "root", "route", "seconds")

    def __init__(self, root: Any, route: str) -> None:
        self.root = root  # the outermost frame of the task
        self.route = route
        self.seconds = self.cpu_s = self.delay_s = 0.0
        # Of the app, each after how deep it was called and its code
        self.lines: dict[Any, float] = defaultdict(float)
        self.leaves: dict[str, float] = defaultdict(float)

    @property
    def place(self) -> Any:
        """The line that took most of the innermost function that took most of the time."""
        functions: dict[int, float] = defaultdict(float)
        for (_, code, *_), took_s in self.lines.items():
            functions[code] += took_s
        least_s = min(_MOST * self.seconds, max(functions.values()))
        _, inner = max((depth, code) for depth, code, *_ in self.lines if functions[code] >= least_s)
        lines = {line: took_s for line, took_s in self.lines.items() if line[1] == inner}
        return max(lines, key=lines.__getitem__)[2:]


class Seen:
    """What was seen since it was forgotten last; its attributes are counted up by all that watch."""

    def __init__(self) -> None:
        self.finished: dict[str, list[float]] = {}  # by route: how many, how long, and how long they ran
        self.unawaited: Counter[Any] = Counter()
        self.forget()

    def forget(self) -> None:
        """Begin again."""
        self.began_s = _clock()
        self.idle = self.finished.get(PROBE, [0, 0.0, 0.0])
        self.finished = defaultdict(lambda: [0, 0.0, 0.0])
        self.stalls: dict[Any, dict[str, Any]] = {}
        self.events: Counter[Any] = Counter()
        self.glances: dict[Any, list[float]] = defaultdict(lambda: [0, 0.0])
        self.cpu_s = time.process_time()
        self.looks = self.busy_looks = self.rounds = self.active_rounds = self.most_active = 0
        self.states: dict[Any, list[float]] = defaultdict(lambda: [0, 0.0])
        self.jobs: dict[Any, list[float]] = {}
        self.held: Counter[Any] = Counter()
        self.pools: dict[Any, list[int]] = defaultdict(lambda: [0, 0])  # full rounds, and most calls queued
        self.unawaited.clear()
        self.stacks: dict[Any, list[str]] = {}

    def end(self, request: Request) -> None:
        """Count a request that was handled."""
        total = self.finished[request.route]
        total[0] += 1
        total[1] += _clock() - request.began_s
        total[2] += request.run_s

    def place(self, own: Any, frames: list[Any]) -> Any:
        """The place of a frame, whose stack is kept; None for none."""
        if own is None:
            return None
        place = places.describe(own)
        if place not in self.stacks and len(self.stacks) < _MOST_STACKS:
            self.stacks[place] = places.stack_of(frames)
        return place

    def add_stall(self, stall: Stall, took_s: float) -> None:
        """Count a step of the loop that was long."""
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

    def write(self, file: str, debugged: list[str]) -> None:
        """Write all to a file; `debugged`: what has debugging on."""
        texts = {
            "seconds": _clock() - self.began_s,
            "routes": {route: total for route, total in self.finished.items() if route != PROBE},
            "idle": self.idle,
            "stalls": [
                {"place": place, "route": route, **one, "leaves": one["leaves"].most_common(3)}
                for (place, route), one in self.stalls.items()
            ],
            "events": [[*key, n] for key, n in self.events.items()],
            "glances": [[*key, *seen] for key, seen in self.glances.items()],
            "cpu_s": time.process_time() - self.cpu_s,
            "looks": self.looks,
            "busy_looks": self.busy_looks,
            "rounds": self.rounds,
            "active_rounds": self.active_rounds,
            "states": [[*key, *seen] for key, seen in self.states.items()],
            "jobs": [[*key, *times] for key, times in self.jobs.items()],
            "held": [[*key, n] for key, n in self.held.items()],
            "pools": [[pool, *seen] for pool, seen in self.pools.items()],
            "most_active": self.most_active,
            "unawaited": [[*key, n] for key, n in self.unawaited.items()],
            "debug": debugged,
            "stacks": [[place, stack] for place, stack in self.stacks.items()],
        }
        with open(file + ".new", "w", encoding="utf-8") as out:
            json.dump(texts, out)
        os.replace(file + ".new", file)
