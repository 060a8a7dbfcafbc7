"""waitress: one process, a thread that reads and writes, and a pool of threads that run the WSGI app."""

from __future__ import annotations

from portcompare.serve.servers.server import CONNECTION_LIMIT, Server, Serving

# --asyncore-use-poll: its default, select(), breaks down at 1024 open files.
WAITRESS = Server(
    distributions=("waitress",),
    interfaces={
        "wsgi": Serving(
            knobs=frozenset({"threads", "keep_alive_s", "backlog"}),
            arguments="""
                waitress --host {host} --port {port} --threads {threads} --backlog {backlog}
                --channel-timeout {keep_alive_s} --connection-limit {connection_limit} --asyncore-use-poll
                {target}
            """,
            settings={
                "workers": "1",
                "connection_limit": str(CONNECTION_LIMIT),
                "requests_per_connection": "no limit",
                "access_log": "off",
                "event_notification": "poll",
            },
            slots=lambda knobs, *_: knobs.threads,
        )
    },
)
