"""hypercorn: HTTP by h11 on an event loop; WSGI apps run on the loop's default executor."""

from __future__ import annotations

import os
from pathlib import Path

from portcompare.serve.servers.server import Knobs, Server, Serving

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

    hypercorn runs them by `loop.run_in_executor(None, ...)`, so in a ThreadPoolExecutor of default size.

    Args:
        knobs: Every knob's value.
        cpu_count: CPUs that the server may use when it starts.
        version: Of the Python that it runs on.

    Returns:
        Threads of all workers.

    References:
        https://docs.python.org/3/library/concurrent.futures.html#threadpoolexecutor: min(32, CPUs + 4);
        since Python 3.13 of the CPUs that the process may use, before of the machine's.
    """
    counted = cpu_count if version >= (3, 13) else os.cpu_count() or 1
    return knobs.workers * min(32, counted + 4)


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
