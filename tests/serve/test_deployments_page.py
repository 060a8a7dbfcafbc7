"""The plans on the page about deployments are served as they stand there."""

from __future__ import annotations

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from portcompare.plan import find_upstreams, load_plan
from portcompare.serve import assign_cpus, preflight, prepare_arms, serve_deployments, vocabulary
from tests.serve.interpreters import make_interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.plan import Plan

PAGE = (Path(__file__).parents[2] / "docs" / "deployments.md").read_text(encoding="utf-8")
OWN, COMMAND, RUNNING, UPSTREAM = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

SERVICE = """
import os
from flask import Flask
from names import GREETING


def make_app(name, cache=True):
    app = Flask(name)

    @app.get("/")
    def front():
        return f"{GREETING} {name} {cache} {open(os.environ.get('DATABASE', 'names.py')).read()}"

    @app.get("/healthz")
    def healthz():
        return ""

    return app


app = make_app("plain")
"""

SERVICE_ASYNC = """
import os
from quart import Quart

app = Quart(__name__)


@app.get("/")
async def front():
    return f"{os.environ.get('LOG_LEVEL')} {open(os.environ.get('DATABASE', 'names.py')).read()}"


@app.get("/healthz")
async def healthz():
    return ""
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (".venv-old", ".venv-new"):
        make_interpreter(tmp_path / name)
    (tmp_path / "libraries").mkdir()
    (tmp_path / "loadtests").mkdir()
    for folder in (tmp_path, tmp_path / "libraries"):
        (folder / "names.py").write_text("GREETING = 'Hello'")
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "service_async.py").write_text(SERVICE_ASYNC)
    (tmp_path / "seed.py").write_text("import sys\nopen(sys.argv[1], 'w').write('seed of ' + sys.argv[1])")
    return tmp_path


def read(project: Path, snippet: str) -> Plan:
    path = project / "loadtests" / "plan.toml"
    path.write_text(snippet)
    return load_plan(path, vocabulary())


def answers(plan: Plan, folder: Path) -> dict[str, str]:
    """What each arm says at `/`, once it is certain that nothing is wrong with the plan."""
    assert preflight(plan) == []
    arms, cpus = {arm.name: arm.deployment for arm in plan.arms}, assign_cpus(plan)
    found = {}
    with (
        prepare_arms(plan, arms, folder=folder, cpus=cpus),
        serve_deployments(plan, arms, folder=folder, cpus=cpus) as servers,
    ):
        for arm, server in servers.items():
            with urlopen(server.url, timeout=10) as answer:  # noqa: S310 - always http
                found[arm] = answer.read().decode()
    return found


def test_apps_in_environments_of_their_own_with_a_database_each(project: Path) -> None:
    assert answers(read(project, OWN), project) == {
        "baseline": "Hello test False seed of test_baseline.db",
        "control": "Hello test False seed of test_control.db",
        "new": "warning seed of test_new.db",
    }
    assert "served at " in (project / "new.log").read_text()
    assert list(project.glob("*.db")) == []


def test_a_command_beside_a_server(project: Path) -> None:
    plan = read(project, COMMAND)
    assert set(answers(plan, project).values()) == {"Hello plain True GREETING = 'Hello'"}


class Elsewhere(BaseHTTPRequestHandler):
    """A server that somebody else has started."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from elsewhere")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
        pass


@pytest.fixture
def elsewhere() -> Iterator[int]:
    """The port of a server that runs already."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_what_runs_already_beside_what_is_started(project: Path, elsewhere: int) -> None:
    snippet = RUNNING.replace("127.0.0.1:5000", f"127.0.0.1:{elsewhere}")
    plan = read(project, snippet.replace("https://staging.example.org", f"http://localhost:{elsewhere}"))
    assert answers(plan, project) == {
        "baseline": "from elsewhere",
        "control": "from elsewhere",
        "port": "None GREETING = 'Hello'",
        f"localhost:{elsewhere}": "from elsewhere",
    }


def test_an_upstream_is_what_an_environment_names(project: Path) -> None:
    assert find_upstreams(read(project, UPSTREAM)) == ("inventory",)
