"""What the tests of serving share: plans, interpreters, requests, and whether processes are gone."""

import json
import sysconfig
import venv
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil

from portcompare.plan import Plan, load_plan
from portcompare.records.rounds import BASELINE
from portcompare.serve.cpus import assign_cpus
from portcompare.serve.deployments import serve_deployments
from portcompare.serve.running import RunningServer
from portcompare.serve.servers import ADAPTERS, vocabulary

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
    "gunicorn-asgi asgi": "asgi",
}
"""Every server with every interface: the name of a deployment, and the interface."""

ADAPTED = {"granian a2wsgi": "wsgi", "gunicorn-asgi asgiref": "wsgi"}
"""Every adapter, each on another server."""


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_gone(pids: Iterable[int]) -> bool:
    return all(is_gone(pid) for pid in pids)


def server_at(port: int, *, process: object = None) -> RunningServer:
    """A server that this test did not start."""
    return RunningServer(
        arm=BASELINE,
        deployment="there",
        url=f"http://127.0.0.1:{port}",
        port=port,
        ready_target="/",
        process=process,  # type: ignore[arg-type] # its place is taken
    )


def watchdog_of(server: RunningServer) -> int:
    assert server.process is not None
    return server.process.pid


def tree_of(server: RunningServer) -> list[int]:
    return [process.pid for process in psutil.Process(watchdog_of(server)).children(recursive=True)]


def fetch(server: RunningServer, target: str) -> dict[str, Any]:
    with urlopen(server.url + target, timeout=60) as response:  # noqa: S310 - always http
        found: dict[str, Any] = json.load(response)
    return found


def serve(plan: Plan, folder: Path, *names: str) -> AbstractContextManager[dict[str, RunningServer]]:
    """Serve deployments under their own names, by default all of the plan."""
    arms = {name: name for name in names or plan.deployments}
    return serve_deployments(plan, arms, folder=folder, cpus=assign_cpus(plan))


def make_interpreter(folder: Path, *, is_empty: bool = False) -> Path:
    """Make a virtual environment without pip, empty or with what this one has; returns its interpreter."""
    venv.create(folder, symlinks=True)
    if not is_empty:
        (packages_of(folder) / "ours.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"


def packages_of(folder: Path) -> Path:
    (packages,) = folder.glob("lib/python*/site-packages")
    return packages


def write_plan(
    folder: Path,
    deployments: dict[str, str] | None = None,
    *,
    directory: Path = APPS,
    target: str = "probe:wsgi",
    asgi_target: str = "probe:asgi",
    ready_path: str = "/healthz",
    cpus: str = "",
    more: str = "",
) -> Plan:
    """Write and read a plan.

    `deployments`: the knobs of each, as TOML; the name begins with the server's, and ends in "asgi" for the
    ASGI app, or with an adapter. `directory`, `target` and `ready_path` are the WSGI app's; `more` is TOML
    for both apps.
    """
    deployments = deployments or {"gunicorn": "", "uvicorn asgi": ""}
    names = list(deployments)
    lines = [
        f"baseline = {json.dumps(names[0])}\ncandidates = {json.dumps(names[1:])}\n[cpus]\n{cpus}",
        f"[apps.wsgi]\ninterface = 'wsgi'\ndirectory = '{directory}'\nready_path = '{ready_path}'",
        f"target = {json.dumps(target)}\n{more}",
        f"[apps.asgi]\ninterface = 'asgi'\ndirectory = '{APPS}'\nready_path = '/healthz'",
        f"target = {json.dumps(asgi_target)}\n{more}",
        "[scenarios.fast]\nrequest = { path = '/' }\nload = { users = [1] }",
    ]
    for name, knobs in deployments.items():
        interface = "asgi" if name.endswith("asgi") else "wsgi"
        server, _, last = name.partition(" ")
        adapter = f"adapter = '{last}'\n" if last in ADAPTERS else ""
        lines.append(f"[deployments.'{name}']\nserver = '{server}'\napp = '{interface}'\n{adapter}{knobs}")
    return read_plan(folder, "\n".join(lines))


def write_deployments(folder: Path, first: str, second: str | None = None, *, app: str = "") -> Plan:
    """Write and read a plan of two deployments, `first` and `second`, as TOML, by default alike.

    `app`: TOML of the app `one`, which they may name; its directory is the folder by default.
    """
    return read_plan(
        folder,
        "baseline = 'first'\ncandidates = ['second']\n"
        f"[apps.one]\n{'' if 'directory' in app else HERE}{app}\n"
        f"[deployments.first]\n{first}\n[deployments.second]\n{first if second is None else second}\n"
        "[scenarios.fast]\nrequest = { path = '/' }\nload = { users = [1] }\n",
    )


def read_plan(folder: Path, text: str) -> Plan:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return load_plan(path, vocabulary())
