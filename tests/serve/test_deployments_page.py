"""The plans on the page about deployments can be served as they stand there."""

import re
from pathlib import Path

import pytest

from portcompare.serve.cpus import assign_cpus
from portcompare.serve.deployments import serve_deployments
from portcompare.serve.preflight import preflight
from portcompare.serve.setups import prepare_arms
from tests.loadgen.scripted import OK, responding, serve
from tests.serve.support import fetch, make_interpreter, read_plan

PAGE = (Path(__file__).parents[2] / "docs" / "deployments.md").read_text(encoding="utf-8")
OWN, ADAPTED, COMMAND, RUNNING, UPSTREAM = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

SERVICE = """
import os
from names import GREETING

def make_app(name, cache=True):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        text = f"{GREETING} {name} {cache} {open(os.environ.get('DATABASE', 'names.py')).read()}"
        return [f'{{"text": "{text}"}}'.encode()]
    return app

app = make_app("plain")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (".venv-old", ".venv-new"):
        make_interpreter(tmp_path / name)
    (tmp_path / "libraries").mkdir()
    (tmp_path / "loadtests").mkdir()
    (tmp_path / "libraries" / "names.py").write_text("GREETING = 'Hello'")
    (tmp_path / "names.py").write_text("GREETING = 'Hello'")
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "service_async.py").write_text("async def app(scope, receive, send): ...")
    (tmp_path / "inventory.py").write_text("async def app(scope, receive, send): ...")
    (tmp_path / "seed.py").write_text("import sys\nopen(sys.argv[1], 'w').write('seed of ' + sys.argv[1])")
    return tmp_path


@pytest.mark.parametrize("snippet", [OWN, ADAPTED, COMMAND, RUNNING, UPSTREAM])
def test_every_plan_can_be_served(project: Path, snippet: str) -> None:
    with serve(responding(OK)) as there:
        snippet = snippet.replace("127.0.0.1:5000", f"127.0.0.1:{there.port}")
        snippet = snippet.replace("https://staging.example.org", f"http://localhost:{there.port}")
        plan = read_plan(project / "loadtests", snippet)
        assert preflight(plan).problems == ()
    assert plan.upstreams == (("inventory",) if "upstream" in snippet else ())


def test_arms_have_an_interpreter_and_a_database_of_their_own(project: Path) -> None:
    plan = read_plan(project / "loadtests", OWN)
    arms, cpus = {"baseline": "old", "control": "old"}, assign_cpus(plan)
    with (
        prepare_arms(plan, arms, folder=project, cpus=cpus),
        serve_deployments(plan, arms, folder=project, cpus=cpus) as servers,
    ):
        for arm, server in servers.items():
            assert fetch(server, "/") == {"text": f"Hello test False seed of test_{arm}.db"}
            assert server.process is not None
            assert server.process.command[0] == str(project / ".venv-old" / "bin" / "python")
    assert list(project.glob("*.db")) == []
