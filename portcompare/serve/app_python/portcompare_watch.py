"""Runs inside a server: watches what an event loop and its requests wait for, and changes no response.

PORTCOMPARE_WATCH names the file that each process writes what it saw to, with `{pid}` in its name, and
PORTCOMPARE_WATCHED the application. What was seen before a file of that name with `begin` in it appears is
forgotten: the first requests import, compile and connect.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import os
import sys
import threading
import time
import warnings
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from importlib import import_module
from itertools import dropwhile, takewhile
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary

_looks: Any = import_module("portcompare_looks")  # found only where this module is, in a server
_seen: Any = import_module("portcompare_seen")
places: Any = import_module("portcompare_places")

# Events of the interpreter (sys.addaudithook) that stand for calls that wait.
EVENTS = {
    *("fcntl.flock", "fcntl.lockf", "open", "os.listdir", "os.mkdir", "os.posix_spawn", "os.remove"),
    *("os.rename", "os.scandir", "os.system", "shutil.copyfile", "shutil.copytree", "shutil.move"),
    *("shutil.rmtree", "socket.connect", "socket.getaddrinfo", "socket.gethostbyaddr"),
    *("socket.gethostbyname", "socket.getnameinfo", "sqlite3.connect", "subprocess.Popen"),
    *("tempfile.mkdtemp", "tempfile.mkstemp", "time.sleep"),
}

_MADE_WITHIN = 4  # calls: a library's function may make the coroutine that it returns
REQUEST: ContextVar[Any] = ContextVar("portcompare_request", default=None)
_clock = time.perf_counter


class Watch:
    """The requests and the event loop of one process, as the app's own threads know them."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.seen = _seen.Seen()
        self.loop: Any = None
        self.loop_thread = 0
        self.schedstat = -1  # the kernel's file of the loop's thread
        self.is_noting = False  # a call; to read the app's text for it opens files, too
        self.beats = 0  # of the loop: it has turned since the last
        self.base: tuple[Any, ...] = ()  # the frames that run the loop, of a server or of the app itself
        self.active: dict[int, Any] = {}  # the requests that are being handled
        self.by_task: dict[int, Any] = {}
        self.threads: dict[int, Any] = {}  # the jobs that run in an executor
        self.routes: dict[tuple[str, str], str] = {}
        self.framework = _find_framework(inner)
        self.rules: Any = None  # its table of routes
        with suppress(Exception):  # there is none that could be read
            self.rules = self.framework.url_map.bind("localhost")
        self.views: dict[str, tuple[str, int, str]] = {}  # by route: file, line and name

    def begin(self, method: str, path: str) -> Any:
        """Note that a request is handled."""
        request = _seen.Request(self.route_of(method, path))
        self.active[id(request)] = request
        self.seen.most_active = max(self.seen.most_active, len(self.active))
        return request

    def end(self, request: Any) -> None:
        """Note that a request was handled."""
        self.active.pop(id(request), None)
        for task in request.tasks:
            self.by_task.pop(id(task), None)
        request.tasks = []
        self.seen.end(request)

    def route_of(self, method: str, path: str) -> str:
        """The rule that a path belongs to, with its method; the path itself where no rule is known."""
        known = self.routes.get((method, path))
        if path == _seen.PROBE:
            known = _seen.PROBE
        if known is None:
            known = f"{method} {path}"
            if self.rules is not None:
                with suppress(Exception):  # no such route, or another method
                    rule = self.rules.match(path, method=method, return_rule=True)[0]
                    known = f"{method} {rule.rule}"
                    view = self.framework.view_functions[rule.endpoint]
                    kind = getattr(view, "view_class", None)  # of a view that is a class
                    view = getattr(kind, method.lower(), kind.dispatch_request) if kind else view
                    self.views[known] = places.find_return(view)
            if len(self.routes) < 10_000:  # noqa: PLR2004 - paths with numbers in them
                self.routes[method, path] = known
        return known

    def add_task(self, request: Any, task: Any) -> None:
        """Note that a task handles a request."""
        request.tasks.append(task)
        self.by_task[id(task)] = request

    def watch_loop(self) -> None:
        """Watch the event loop that runs in this thread, once."""
        if self.loop is not None:
            return
        loop: Any = asyncio.get_running_loop()
        self.schedstat = _seen.open_schedstat()
        self.loop, self.loop_thread = loop, threading.get_ident()
        frames = places.frames_of(sys._getframe())[1:]
        self.base = tuple(dropwhile(lambda one: one.f_code.co_flags & inspect.CO_COROUTINE, frames))
        create_task = loop.create_task

        def create(coroutine: Any, **options: Any) -> Any:
            task = create_task(coroutine, **options)
            request = REQUEST.get()
            if request is not None:
                self.add_task(request, task)
            return task

        def beat() -> None:
            self.beats += 1
            loop.call_later(_looks.TICK_S, beat)

        loop.create_task = create
        beat()

    def frames_of(self, frame: Any) -> list[Any]:
        """A frame and its callers, innermost first, up to those that run the loop; none that watches."""
        frames = dropwhile(
            lambda one: one.f_code.co_filename.startswith(places.HERE), places.frames_of(frame)
        )
        return list(takewhile(lambda one: one not in self.base, frames))

    def note_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note a call that waits on the event loop."""
        if event in EVENTS and not self.is_noting and threading.get_ident() == self.loop_thread:
            if event == "socket.connect" and arguments[0].gettimeout() == 0:
                return
            self.is_noting = True
            try:
                frames = self.frames_of(sys._getframe(1))
                own = places.find_own(frames)
                if own is not None and not _looks.is_asyncio(frames, own):
                    request = REQUEST.get()
                    route = request.route if request else ""
                    self.seen.events[event, self.seen.place(own, frames), route] += 1
            finally:
                self.is_noting = False

    def note_unawaited(self, coroutine: Any) -> None:
        """Note a coroutine that nothing has awaited; where it was made is known from the second on."""
        sys.set_coroutine_origin_tracking_depth(_MADE_WITHIN)
        made = next((one for one in coroutine.cr_origin or () if places.is_own(one[0])), None)
        if made is not None:
            self.seen.unawaited[(*made, coroutine.__qualname__)] += 1

    def debugged(self) -> list[str]:
        """What has debugging on."""
        is_loop = self.loop is not None and self.loop.get_debug()
        return ["app"] * bool(getattr(self.inner, "debug", False)) + ["event loop"] * is_loop


def watch_executors(watch: Watch) -> None:
    """Note how long each call waits for a thread."""
    submit = concurrent.futures.ThreadPoolExecutor.submit
    pools: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def run(job: Any, function: Any, arguments: Any, options: Any) -> Any:
        waited_s = _clock() - job.submitted_s
        times = watch.seen.jobs.setdefault((job.place, job.route, job.pool), [0, 0.0, 0.0, 0.0])
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

    def submitted(self: Any, function: Any, /, *arguments: Any, **options: Any) -> Any:
        request = REQUEST.get()
        own = places.find_own(watch.frames_of(sys._getframe(1)))
        place = places.describe(own) if own is not None else _defined_at(function, arguments)
        pool = pools.setdefault(self, (self._max_workers, place))
        seen = watch.seen.pools[pool]
        seen[1] = max(seen[1], self._work_queue.qsize())
        job = _seen.Job(place, request.route if request else "", pool)
        return submit(self, run, job, function, arguments, options)

    concurrent.futures.ThreadPoolExecutor.submit = submitted  # type: ignore[method-assign]


def watch_conditions() -> None:
    """Mark each condition of which all who wait are woken at once."""
    notify_all = asyncio.Condition.notify_all

    def notified(self: Any) -> None:
        setattr(self, _looks.WAKES_ALL, True)
        notify_all(self)

    asyncio.Condition.notify_all = notified  # type: ignore[method-assign]


def _defined_at(function: Any, arguments: tuple[Any, ...], depth: int = 0) -> Any:
    """Where the app's own function is defined that a call leads to."""
    if depth > 5:  # noqa: PLR2004 - wrappers of wrappers
        return None
    codes = (getattr(function, name, None) for name in ("__code__", "gi_code", "ag_code"))
    code = next(filter(None, codes), None)
    if code is not None and places.is_own(code.co_filename):
        return code.co_filename, code.co_firstlineno, code.co_name, code.co_name
    wrapped = (getattr(function, name, None) for name in ("__wrapped__", "__func__"))
    inner: list[Any] = [*arguments, *wrapped]
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


def _find_framework(app: Any) -> Any:
    """The application inside its middleware that has a table of routes; None if there is none."""
    for _ in range(10):
        if app is None or hasattr(app, "url_map"):
            break
        app = next((getattr(app, n) for n in ("app", "wsgi_app", "application") if hasattr(app, n)), None)
    return app


def wrap_asgi(watch: Watch, inner: Any) -> Any:
    """An ASGI application that notes what is handled."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
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


def wrap_wsgi(watch: Watch, inner: Any) -> Any:
    """A WSGI application that notes what is handled; a body that servers may treat in its own way stays."""

    def app(environ: Any, start_response: Any) -> Any:
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
        wrapper = environ.get("wsgi.file_wrapper")
        is_file = isinstance(wrapper, type) and isinstance(body, wrapper)
        if is_file or not hasattr(body, "__next__"):
            end()
            return body
        return _Body(body, end)

    return app


class _Body:
    """A body that is made while it is sent."""

    def __init__(self, body: Any, end: Any) -> None:
        self._body, self._end = body, end

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return next(self._body)

    def close(self) -> None:
        """Close the body."""
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._end()


def _load(target: str) -> Any:
    if target.endswith(")"):
        return import_module("portcompare_factory").make(target)
    module, _, name = target.partition(":")
    return attrgetter(name)(import_module(module))


def install(target: str, interface: str, path: str) -> Any:
    """Import an application, and watch it."""
    inner = _load(target)
    watch = Watch(inner)
    sys.addaudithook(watch.note_event)
    watch_executors(watch)
    watch_conditions()
    warn: Any = getattr(warnings, "_warn_unawaited_coroutine", None)

    def warn_unawaited(coroutine: Any) -> None:
        watch.note_unawaited(coroutine)
        warn(coroutine)

    if warn is not None:
        warnings._warn_unawaited_coroutine = warn_unawaited  # type: ignore[attr-defined]

    look = partial(_looks.Looker(watch).look_for_ever, path)
    threading.Thread(target=look, daemon=True, name="portcompare").start()
    return wrap_asgi(watch, inner) if interface == "asgi" else wrap_wsgi(watch, inner)


app = install(
    os.environ["PORTCOMPARE_WATCHED"], os.environ["PORTCOMPARE_INTERFACE"], os.environ["PORTCOMPARE_WATCH"]
)
