"""The plans on the page about deployments are served as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.request import urlopen

import pytest

from portcompare.plan import Plan, find_upstreams
from portcompare.serve import assign_cpus, preflight, prepare_arms, serve_deployments
from tests.serve.support import make_interpreter, read_plan, serve_elsewhere

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
    return read_plan(project / "loadtests", snippet)


def test_apps_in_environments_of_their_own_with_a_database_each(project: Path) -> None:
    plan = read(project, OWN)
    assert preflight(plan) == []
    arms, cpus = {arm.name: arm.deployment for arm in plan.arms}, assign_cpus(plan)
    responses = {}
    with (
        prepare_arms(plan, arms, folder=project, cpus=cpus),
        serve_deployments(plan, arms, folder=project, cpus=cpus) as servers,
    ):
        for arm, server in servers.items():
            with urlopen(server.url, timeout=60) as response:  # noqa: S310 - always http
                responses[arm] = response.read().decode()
    assert responses == {
        "baseline": "Hello test False seed of test_baseline.db",
        "control": "Hello test False seed of test_control.db",
        "new": "warning seed of test_new.db",
    }
    assert "served at " in (project / "new.log").read_text()
    assert list(project.glob("*.db")) == []


def test_a_command_beside_a_server_can_be_served(project: Path) -> None:
    plan = read(project, COMMAND)
    assert plan.deployments["development-server"].kind == "command"
    assert preflight(plan) == []


def test_a_server_that_runs_already_beside_one_that_is_started_can_be_served(project: Path) -> None:
    with serve_elsewhere() as port:
        snippet = RUNNING.replace("127.0.0.1:5000", f"127.0.0.1:{port}")
        plan = read(project, snippet.replace("https://staging.example.org", f"http://localhost:{port}"))
        assert preflight(plan) == []
    kinds = {arm.name: plan.deployments[arm.deployment].kind for arm in plan.arms}
    assert kinds == {"baseline": "url", "control": "url", "port": "server", f"localhost:{port}": "url"}


def test_an_upstream_is_the_deployment_that_an_environment_names(project: Path) -> None:
    assert find_upstreams(read(project, UPSTREAM)) == ("inventory",)
