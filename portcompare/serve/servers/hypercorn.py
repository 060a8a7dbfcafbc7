"""hypercorn: HTTP by h11 on an event loop; WSGI apps run on the loop's default executor."""

from __future__ import annotations

from pathlib import Path

from portcompare.serve.servers.server import Knobs, Server, Serving, executor_threads

_CONFIG = Path(__file__).with_name("hypercorn.toml")

_NEVER_EMPTY = Path(__file__).parent / "hypercorn_wsgi" / "portcompare_never_empty.py"

_KNOBS = frozenset({"workers", "loop", "keep_alive_s", "backlog"})

_ARGUMENTS = """
    hypercorn --config {config} --bind {host}:{port} --workers {workers} --worker-class {loop}
    --backlog {backlog} --keep-alive {keep_alive_s} --graceful-timeout {stop_s}
"""

_SETTINGS = {
    "connection_limit": "no limit",
    "requests_per_connection": "no limit",
    "access_log": "off",
    "http_parser": "h11",
}


def executor_slots(knobs: Knobs, cpu_count: int, version: tuple[int, int]) -> int:
    """How many WSGI requests all workers can hold in handlers.

    hypercorn runs them by `loop.run_in_executor(None, ...)`, so in the loop's default executor.
    """
    return knobs.workers * executor_threads(cpu_count, version)


HYPERCORN = Server(
    distributions=("hypercorn", "h11"),
    interfaces={
        "wsgi": Serving(
            knobs=_KNOBS,
            arguments=_ARGUMENTS + f"wsgi:{_NEVER_EMPTY}:never_empty('{{module}}','{{object}}')",
            settings=_SETTINGS
            | {"wsgi_max_body_bytes": "1073741824", "empty_bodies": "wrapped, or never sent"},
            slots=executor_slots,
            config=_CONFIG,
        ),
        "asgi": Serving(
            knobs=_KNOBS,
            arguments=_ARGUMENTS + "asgi:{target}",
            settings=_SETTINGS,
            slots=lambda *_: None,
            config=_CONFIG,
        ),
    },
)
