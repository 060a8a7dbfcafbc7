"""What the tests of serving share: apps, plans, waiting, and whether processes are gone."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import psutil

from portcompare.plan import Plan, load_plan
from portcompare.serve import RunningServer, StartedServer, vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

APPS = Path(__file__).with_name("apps")
HERE = "directory = '.'\n"

ALL = {
    "gunicorn": "wsgi",
    "gunicorn-sync": "wsgi",
    "gunicorn-gevent": "wsgi",
    "waitress": "wsgi",
    "granian": "wsgi",
    "hypercorn": "wsgi",
    "uvicorn asgi": "asgi",
    "granian asgi": "asgi",
    "hypercorn asgi": "asgi",
}
"""Every server with every interface: the name of a deployment, and the interface."""


def wait_until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not so after {timeout_s} s"
        threading.Event().wait(0.02)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_gone(pids: Iterable[int]) -> bool:
    return all(is_gone(pid) for pid in pids)


def tree_of(server: StartedServer) -> list[int]:
    return [process.pid for process in psutil.Process(server.process.pid).children(recursive=True)]


def started(running: Mapping[str, RunningServer]) -> dict[str, StartedServer]:
    """Those of the servers that were started."""
    return {arm: server for arm, server in running.items() if isinstance(server, StartedServer)}


def ask(server: RunningServer, target: str) -> dict[str, Any]:
    with urlopen(server.url + target, timeout=10) as answer:  # noqa: S310 - always http
        found: dict[str, Any] = json.load(answer)
    return found


def write_plan(
    folder: Path,
    deployments: dict[str, str] | None = None,
    *,
    directory: Path = APPS,
    target: str = "probe:wsgi",
    ready_path: str = "/healthz",
    cpus: str = "",
    more: str = "",
) -> Plan:
    """Write and read a plan.

    Args:
        folder: Where.
        deployments: From name to the knobs, as TOML lines; the name begins with the server's, and ends in
            "asgi" for the ASGI app. The first is the baseline.
        directory: Of the WSGI app.
        target: Of the WSGI app.
        ready_path: Of the WSGI app.
        cpus: The TOML lines of the table of that name.
        more: TOML lines for both apps.
    """
    names = list(deployments or {"gunicorn": "", "uvicorn asgi": ""})
    lines = [
        f"baseline = {json.dumps(names[0])}",
        f"candidates = {json.dumps(names[1:])}",
        f"[cpus]\n{cpus}",
        f'[apps.wsgi]\ninterface = "wsgi"\ndirectory = "{directory}"',
        f'target = "{target}"\nready_path = "{ready_path}"',
        more,
        f'[apps.asgi]\ninterface = "asgi"\ndirectory = "{APPS}"\ntarget = "probe:asgi"',
        'ready_path = "/healthz"',
        more,
        '[scenarios.fast]\nrequest = { path = "/" }\nload = { users = [1] }',
    ]
    for name, knobs in (deployments or dict.fromkeys(names, "")).items():
        server = name.split()[0]
        interface = "asgi" if name.endswith("asgi") else "wsgi"
        lines.append(f'[deployments."{name}"]\nserver = "{server}"\napp = "{interface}"\n{knobs}')
    path = folder / "plan.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return load_plan(path, vocabulary())


def write_deployments(folder: Path, first: str, second: str, *, app: str = "") -> Plan:
    """Write and read a plan of two deployments, whatever serves them.

    Args:
        folder: Where.
        first: The TOML lines of the baseline, `first`.
        second: The TOML lines of the candidate, `second`.
        app: The TOML lines of the app `one`, that they may name; its directory is the folder by default.
    """
    path = folder / "plan.toml"
    path.write_text(
        "baseline = 'first'\ncandidates = ['second']\n"
        f"[apps.one]\n{'' if 'directory' in app else HERE}{app}\n"
        f"[deployments.first]\n{first}\n[deployments.second]\n{second}\n"
        "[scenarios.fast]\nrequest = { path = '/' }\nload = { users = [1] }\n",
        encoding="utf-8",
    )
    return load_plan(path, vocabulary())
