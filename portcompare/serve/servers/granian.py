"""granian: HTTP in Rust; WSGI apps on a pool of threads, ASGI apps on an event loop."""

from __future__ import annotations

from portcompare.serve.servers.server import CONNECTION_LIMIT, Knobs, Server, Serving

# Its backpressure counts open connections, not requests (seen with 2: a third connection is not read from).
# Its header-read timeout, given in ms, also ends idle connections, and 60 s is the most that it takes.
_COMMON = """
    granian --host {host} --port {port} --workers {workers} --backlog {backlog}
    --backpressure {connection_limit} --http1-header-read-timeout 60000
    --workers-kill-timeout {stop_s} --no-access-log
"""

_SETTINGS = {
    "keep_alive_s": "60",
    "connection_limit": str(CONNECTION_LIMIT),
    "requests_per_connection": "no limit",
    "access_log": "off",
    "runtime_threads": "1",
}

GRANIAN = Server(
    distributions=("granian",),
    interfaces={
        "wsgi": Serving(
            knobs=frozenset({"workers", "threads", "backlog"}),
            arguments=_COMMON + "--interface wsgi --blocking-threads {threads} {target}",
            settings=_SETTINGS,
            slots=lambda knobs, *_: knobs.workers * knobs.threads,
        ),
        "asgi": Serving(
            knobs=frozenset({"workers", "loop", "backlog"}),
            arguments=_COMMON + "--interface asgi --loop {loop} {target}",
            settings=_SETTINGS,
            slots=lambda knobs, *_: knobs.workers * CONNECTION_LIMIT,
            defaults=Knobs(loop="uvloop"),
        ),
    },
)
