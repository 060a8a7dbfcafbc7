"""The registry of servers: how each is started, what a plan can set, and how many requests it holds."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from portcompare.plan import Deployment

# Open connections that a worker accepts, where a server has such a limit: more than any level will open.
CONNECTION_LIMIT = 10_000

STOP_S = 1  # how long a server waits for running requests when it is stopped; its watchdog may end it before

APP_PYTHON = Path(__file__).parent / "app_python"  # what runs inside servers, in the app's interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """The settings that a plan can change, each with portcompare's default."""

    workers: int = 1  # processes
    threads: int = 8  # threads that run handlers, in each worker
    loop: str = "asyncio"  # event loop
    keep_alive_s: int = 75  # how long an idle connection is kept
    backlog: int = 2048  # connections waiting to be accepted


Slots = Callable[[Knobs, int, tuple[int, int]], int | None]
"""The requests that all handlers hold at once, None for no limit; from knobs, CPUs and Python's version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a server serves one interface."""

    knobs: frozenset[str]  # the fields of `Knobs` that this server has
    # What follows `python -m`; in braces the knobs, `target`, its `module` and `object`, `host`, `port`,
    # `app_python`, `connection_limit` and `stop_s`
    arguments: str
    settings: dict[str, str]  # what is set besides the knobs, for the manifest
    slots: Slots
    defaults: Knobs = Knobs()

    def knobs_of(self, deployment: Deployment) -> Knobs:
        """The knobs of a deployment, complete."""
        given = {knob: getattr(deployment, knob) for knob in self.knobs}
        return replace(self.defaults, **{knob: value for knob, value in given.items() if value is not None})

    def arguments_of(self, knobs: Knobs, target: str, *, host: str, port: int | str) -> list[str]:
        """What follows `python -m` to serve an app."""
        module, _, name = target.partition(":")
        values = asdict(knobs) | {"target": target, "module": module, "object": name, "host": host}
        values |= {"port": port, "app_python": APP_PYTHON, "connection_limit": CONNECTION_LIMIT}
        return [word.format(**values, stop_s=STOP_S) for word in self.arguments.split()]

    def describe(self, knobs: Knobs) -> dict[str, str]:
        """Every setting and its value, set by the plan or not."""
        return {k: str(value) for k, value in asdict(knobs).items() if k in self.knobs} | self.settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server program."""

    distributions: tuple[str, ...]  # what must be installed to run it; the first is the server itself
    interfaces: dict[str, Serving]  # "wsgi", "asgi" or both
    accelerators: tuple[str, ...] = ()  # what makes it faster where it is installed, for the manifest

    @property
    def ways(self) -> dict[str, Serving]:
        """How it serves apps, by the deployment's way: directly, or a WSGI app through an adapter."""
        asgi = self.interfaces.get("asgi")
        if asgi is None:
            return self.interfaces
        return self.interfaces | {
            f"wsgi through {name}": replace(
                asgi,
                knobs=asgi.knobs | adapter.knobs,
                settings=asgi.settings | adapter.settings | {"adapter": name},
                slots=adapter.slots,
            )
            for name, adapter in ADAPTERS.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A library that makes an ASGI app of a WSGI app; it has the name of its distribution."""

    slots: Slots
    knobs: frozenset[str] = frozenset()  # those that it adds to the server's
    settings: dict[str, str] = field(default_factory=dict)  # as of `Serving`


ADAPTERS = {
    "a2wsgi": Adapter(slots=lambda knobs, *_: knobs.workers * knobs.threads, knobs=frozenset({"threads"})),
    # One thread runs all the requests of a process (seen on all servers with 2 to 64 at once).
    "asgiref": Adapter(slots=lambda knobs, *_: knobs.workers, settings={"threads": "1"}),
}


def executor_threads(cpu_count: int, version: tuple[int, int]) -> int:
    """How many threads an event loop's default executor has: those of a ThreadPoolExecutor."""
    counted = cpu_count if version >= (3, 13) else os.cpu_count() or 1
    return min(32, counted + 4)


_SETTINGS = {
    "connection_limit": str(CONNECTION_LIMIT),
    "requests_per_connection": "no limit",
    "access_log": "off",
}
_UNLIMITED = _SETTINGS | {"connection_limit": "no limit"}


# --timeout 0: a worker is never killed for being silent, however long a request waits.
# --config: the file takes the place of a gunicorn.conf.py in the app's directory, which would be read unseen.
_GUNICORN = """
    gunicorn --config {app_python}/portcompare_servers.py --bind {host}:{port} --workers {workers}
    --backlog {backlog} --worker-connections {connection_limit} --timeout 0 --graceful-timeout {stop_s}
    --worker-class
"""
_GUNICORN_SETTINGS = _SETTINGS | {"worker_timeout_s": "none", "http_parser": "auto", "control_socket": "off"}

_GTHREAD = Serving(
    knobs=frozenset({"workers", "threads", "keep_alive_s", "backlog"}),
    arguments=_GUNICORN + "gthread --threads {threads} --keep-alive {keep_alive_s} {target}",
    settings=_GUNICORN_SETTINGS,
    slots=lambda knobs, *_: knobs.workers * knobs.threads,
)

# The sync worker sends one response and closes the connection, whatever --keep-alive says.
_SYNC = Serving(
    knobs=frozenset({"workers", "backlog"}),
    arguments=_GUNICORN + "sync {target}",
    settings=_GUNICORN_SETTINGS | {"requests_per_connection": "1", "connection_limit": "1"},
    slots=lambda knobs, *_: knobs.workers,
)

# A connection has a greenlet, and the worker's pool holds as many as it accepts connections.
_GEVENT = Serving(
    knobs=frozenset({"workers", "keep_alive_s", "backlog"}),
    arguments=_GUNICORN + "gevent --keep-alive {keep_alive_s} {target}",
    settings=_GUNICORN_SETTINGS,
    slots=lambda knobs, *_: knobs.workers * CONNECTION_LIMIT,
)

_LOOP_KNOBS = frozenset({"workers", "loop", "keep_alive_s", "backlog"})

# It counts connections but refuses none, and with --timeout 0 waits 30 s for the next part of a body.
_GUNICORN_ASGI = Serving(
    knobs=_LOOP_KNOBS,
    arguments=_GUNICORN + "asgi --asgi-loop {loop} --keep-alive {keep_alive_s} {target}",
    settings=_GUNICORN_SETTINGS | {"connection_limit": "no limit", "body_timeout_s": "30"},
    slots=lambda *_: None,
    defaults=Knobs(loop="uvloop"),
)

# --asyncore-use-poll: the default, select(), breaks down at 1024 open files.
_WAITRESS = Serving(
    knobs=frozenset({"threads", "keep_alive_s", "backlog"}),
    arguments="""
        waitress --host {host} --port {port} --threads {threads} --backlog {backlog}
        --channel-timeout {keep_alive_s} --connection-limit {connection_limit} --asyncore-use-poll {target}
    """,
    settings=_SETTINGS | {"workers": "1", "event_notification": "poll"},
    slots=lambda knobs, *_: knobs.threads,
)

# Its backpressure counts open connections, not requests (seen with 2: a third connection is not read from).
# Its header-read timeout, in ms, also ends idle connections, and 60 s is its maximum.
_GRANIAN = """
    granian --host {host} --port {port} --workers {workers} --backlog {backlog}
    --backpressure {connection_limit} --http1-header-read-timeout 60000
    --workers-kill-timeout {stop_s} --no-access-log
"""
_GRANIAN_SETTINGS = _SETTINGS | {"keep_alive_s": "60", "runtime_threads": "1"}

_GRANIAN_WSGI = Serving(
    knobs=frozenset({"workers", "threads", "backlog"}),
    arguments=_GRANIAN + "--interface wsgi --blocking-threads {threads} {target}",
    settings=_GRANIAN_SETTINGS,
    slots=lambda knobs, *_: knobs.workers * knobs.threads,
)
_GRANIAN_ASGI = Serving(
    knobs=frozenset({"workers", "loop", "backlog"}),
    arguments=_GRANIAN + "--interface asgi --loop {loop} {target}",
    settings=_GRANIAN_SETTINGS,
    slots=lambda knobs, *_: knobs.workers * CONNECTION_LIMIT,
    defaults=Knobs(loop="uvloop"),
)

_HYPERCORN = """
    hypercorn --config {app_python}/hypercorn.toml --bind {host}:{port} --workers {workers}
    --worker-class {loop} --backlog {backlog} --keep-alive {keep_alive_s} --graceful-timeout {stop_s}
"""
_HYPERCORN_ASGI = Serving(
    knobs=_LOOP_KNOBS,
    arguments=_HYPERCORN + "asgi:{target}",
    settings=_UNLIMITED | {"http_parser": "h11"},
    slots=lambda *_: None,
)
# It runs WSGI apps by `loop.run_in_executor(None, ...)`, so in the loop's default executor.
_HYPERCORN_WSGI = Serving(
    knobs=_LOOP_KNOBS,
    arguments=_HYPERCORN + "wsgi:{app_python}/portcompare_servers.py:never_empty('{module}','{object}')",
    settings=_HYPERCORN_ASGI.settings
    | {"wsgi_max_body_bytes": "1073741824", "empty_bodies": "wrapped, or never sent"},
    slots=lambda knobs, cpu_count, version: knobs.workers * executor_threads(cpu_count, version),
)

# Without --limit-concurrency it accepts any number of connections; with it, it would respond with 503.
_UVICORN = Serving(
    knobs=_LOOP_KNOBS,
    arguments="""
        uvicorn --host {host} --port {port} --workers {workers} --loop {loop} --http httptools
        --backlog {backlog} --timeout-keep-alive {keep_alive_s}
        --timeout-graceful-shutdown {stop_s} --no-access-log {target}
    """,
    settings=_UNLIMITED | {"http_parser": "httptools"},
    slots=lambda *_: None,
    defaults=Knobs(loop="uvloop"),
)

_GUNICORN_SERVER = Server(
    distributions=("gunicorn",),
    interfaces={"wsgi": _GTHREAD},
    accelerators=("gunicorn_h1c",),  # a parser in C, used by --http-parser auto, which is the default
)
SERVERS: dict[str, Server] = {
    "gunicorn": _GUNICORN_SERVER,
    "gunicorn-sync": replace(_GUNICORN_SERVER, interfaces={"wsgi": _SYNC}),
    "gunicorn-gevent": replace(
        _GUNICORN_SERVER, distributions=("gunicorn", "gevent"), interfaces={"wsgi": _GEVENT}
    ),
    "gunicorn-asgi": replace(_GUNICORN_SERVER, interfaces={"asgi": _GUNICORN_ASGI}),
    "waitress": Server(distributions=("waitress",), interfaces={"wsgi": _WAITRESS}),
    "granian": Server(distributions=("granian",), interfaces={"wsgi": _GRANIAN_WSGI, "asgi": _GRANIAN_ASGI}),
    "hypercorn": Server(
        distributions=("hypercorn", "h11"), interfaces={"wsgi": _HYPERCORN_WSGI, "asgi": _HYPERCORN_ASGI}
    ),
    "uvicorn": Server(distributions=("uvicorn", "httptools"), interfaces={"asgi": _UVICORN}),
}


def vocabulary() -> dict[str, dict[str, frozenset[str]]]:
    """The names that a plan may use: the ways in which each server serves apps, and the knobs of each."""
    return {
        name: {way: serving.knobs for way, serving in server.ways.items()} for name, server in SERVERS.items()
    }
