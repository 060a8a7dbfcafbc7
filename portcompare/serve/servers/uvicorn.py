"""uvicorn: HTTP by httptools, ASGI apps on uvloop unless the plan says otherwise."""

from __future__ import annotations

from portcompare.serve.servers.server import Knobs, Server, Serving

# Without --limit-concurrency it accepts whatever comes; with it, it would answer 503.
UVICORN = Server(
    distributions=("uvicorn", "httptools"),
    interfaces={
        "asgi": Serving(
            knobs=frozenset({"workers", "loop", "keep_alive_s", "backlog"}),
            arguments="""
                uvicorn --host {host} --port {port} --workers {workers} --loop {loop} --http httptools
                --backlog {backlog} --timeout-keep-alive {keep_alive_s}
                --timeout-graceful-shutdown {stop_s} --no-access-log {target}
            """,
            settings={
                "connection_limit": "no limit",
                "requests_per_connection": "no limit",
                "access_log": "off",
                "http_parser": "httptools",
            },
            slots=lambda *_: None,
            defaults=Knobs(loop="uvloop"),
        )
    },
)
