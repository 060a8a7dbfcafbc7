"""gunicorn with its three kinds of workers for WSGI apps."""

from __future__ import annotations

from pathlib import Path

from portcompare.serve.servers.server import CONNECTION_LIMIT, Server, Serving

# The file stands in for a gunicorn.conf.py in the app's directory, which would be read unseen.
_CONFIG = Path(__file__).with_name("gunicorn_config.py")

# --timeout 0: a worker is never killed for being silent, however long a request waits.
_COMMON = """
    gunicorn --config {config} --bind {host}:{port} --workers {workers} --backlog {backlog}
    --worker-connections {connection_limit} --timeout 0 --graceful-timeout {stop_s}
"""

_ACCELERATORS = ("gunicorn_h1c",)  # a parser in C, used by --http-parser auto, which is the default

_SETTINGS = {
    "connection_limit": str(CONNECTION_LIMIT),
    "requests_per_connection": "no limit",
    "access_log": "off",
    "worker_timeout_s": "none",
    "http_parser": "auto",
    "control_socket": "off",
}

GTHREAD = Server(
    distributions=("gunicorn",),
    interfaces={
        "wsgi": Serving(
            knobs=frozenset({"workers", "threads", "keep_alive_s", "backlog"}),
            arguments=_COMMON
            + "--worker-class gthread --threads {threads} --keep-alive {keep_alive_s} {target}",
            settings=_SETTINGS,
            slots=lambda knobs, *_: knobs.workers * knobs.threads,
            config=_CONFIG,
        )
    },
    accelerators=_ACCELERATORS,
)

# The sync worker answers one request and closes the connection, whatever --keep-alive says.
SYNC = Server(
    distributions=("gunicorn",),
    interfaces={
        "wsgi": Serving(
            knobs=frozenset({"workers", "backlog"}),
            arguments=_COMMON + "--worker-class sync {target}",
            settings=_SETTINGS | {"requests_per_connection": "1", "connection_limit": "1"},
            slots=lambda knobs, *_: knobs.workers,
            config=_CONFIG,
        )
    },
    accelerators=_ACCELERATORS,
)

# A connection has a greenlet, and the worker's pool holds as many as it accepts connections.
GEVENT = Server(
    distributions=("gunicorn", "gevent"),
    interfaces={
        "wsgi": Serving(
            knobs=frozenset({"workers", "keep_alive_s", "backlog"}),
            arguments=_COMMON + "--worker-class gevent --keep-alive {keep_alive_s} {target}",
            settings=_SETTINGS,
            slots=lambda knobs, *_: knobs.workers * CONNECTION_LIMIT,
            config=_CONFIG,
        )
    },
    accelerators=_ACCELERATORS,
)
