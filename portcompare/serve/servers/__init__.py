"""The registry of servers: each server's name, and what it takes to run it."""

from __future__ import annotations

from portcompare.serve.servers.granian import GRANIAN
from portcompare.serve.servers.gunicorn import GEVENT, GTHREAD, SYNC
from portcompare.serve.servers.hypercorn import HYPERCORN
from portcompare.serve.servers.server import Knobs, Server, Serving, executor_threads
from portcompare.serve.servers.uvicorn import UVICORN
from portcompare.serve.servers.waitress import WAITRESS

__all__ = ["SERVERS", "Knobs", "Server", "Serving", "executor_threads", "vocabulary"]

SERVERS: dict[str, Server] = {
    "gunicorn": GTHREAD,
    "gunicorn-sync": SYNC,
    "gunicorn-gevent": GEVENT,
    "waitress": WAITRESS,
    "granian": GRANIAN,
    "hypercorn": HYPERCORN,
    "uvicorn": UVICORN,
}


def vocabulary() -> dict[str, dict[str, frozenset[str]]]:
    """What a plan may say of servers."""
    return {
        name: {interface: serving.knobs for interface, serving in server.interfaces.items()}
        for name, server in SERVERS.items()
    }
