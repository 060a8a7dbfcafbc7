import os
import socket
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from platform import python_version

import pytest

from portcompare.errors import Problem
from portcompare.plan import Plan
from portcompare.records.requests import Route
from portcompare.serve.ports import find_free_ports
from portcompare.serve.preflight import preflight
from portcompare.serve.running import RunningServer
from tests.serve.support import APPS, make_interpreter, packages_of, write_deployments, write_plan

WSGI_ONLY = {"gunicorn": "", "waitress": ""}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def only_problem(plan: Plan, key: str) -> Problem:
    (problem,) = preflight(plan).problems
    assert problem.where == f"{plan.path}: {key}"
    return problem


def test_an_address_of_another_machine_to_listen_on_unless_nothing_is_started(
    tmp_path: Path, servers: dict[str, RunningServer]
) -> None:
    elsewhere = {"host": IPv4Address("192.0.2.1")}
    plan = write_deployments(tmp_path, "command = 'python {port}'")
    problem = only_problem(plan.model_copy(update=elsewhere), "host")
    assert problem.found.startswith("no server can listen on 192.0.2.1: ")
    assert "127.0.0.1" in problem.remedy
    url = f"url = '{servers['waitress'].url}'\napp = 'one'"
    plan = write_deployments(tmp_path, url, app="ready_path = '/process'")
    assert preflight(plan.model_copy(update=elsewhere)).problems == ()


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("prob.e:wsgi", "ModuleNotFoundError: No module named 'prob'"),
        ("probe:nothing", "module 'probe' has no 'nothing'"),
        ("probe:wsgi.nothing", "module 'probe' has no 'wsgi.nothing'"),
        ("probe:not_an_app", "'not_an_app' cannot be called: it is of type int"),
    ],
)
def test_a_module_or_an_object_that_is_missing_or_no_app(tmp_path: Path, target: str, reason: str) -> None:
    problem = only_problem(write_plan(tmp_path, WSGI_ONLY, target=target), "apps.wsgi.target")
    assert problem.found == f"{target!r} cannot be served: {reason}"
    assert f"cd {APPS} && {sys.executable} -c 'import {target.partition(':')[0]}'" in problem.remedy


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("print('hello')\nraise ValueError('DATABASE is not set')", "ValueError: DATABASE is not set"),
        ("raise SystemExit(3)", "it ended with status 3"),
        ("raise SystemExit", "importing it ended the process with status 0"),
        ("import signal\nsignal.pause()", "it did not end within 2 s"),
    ],
)
def test_an_app_that_cannot_be_imported(tmp_path: Path, source: str, reason: str) -> None:
    (tmp_path / "broken.py").write_text(source)
    more = "ready_timeout_s = 2.0" if "pause" in source else ""
    plan = write_plan(tmp_path, WSGI_ONLY, directory=tmp_path, target="broken:app", more=more)
    assert only_problem(plan, "apps.wsgi.target").found == f"'broken:app' cannot be served: {reason}"


def test_an_app_is_imported_in_the_directory_and_environment_of_its_deployment(tmp_path: Path) -> None:
    (tmp_path / "needy.py").write_text("import os\nfrom beside import name\napp = print\nos.environ[name]")
    (tmp_path / "beside.py").write_text("name = 'NEEDED'")
    deployments = {"gunicorn": 'environment = { NEEDED = "1" }', "waitress": ""}
    (problem,) = preflight(write_plan(tmp_path, deployments, directory=tmp_path, target="needy:app")).problems
    assert problem.found.endswith("KeyError: 'NEEDED'")  # on waitress; on gunicorn it has what it needs
    more = "setup = ['touch database']"  # before which it is not imported
    assert preflight(write_plan(tmp_path, directory=tmp_path, target="needy:app", more=more)).problems == ()


LIVE = Route(rule="/live", methods=("GET",), is_websocket=True)
ROUTED = """
from {framework} import {name}
app = {name}(__name__)
app.add_url_rule("/items/<int:item_id>", "item", print, methods=["GET", "DELETE"])
{more}
app = {wrapper}(app)
"""


@pytest.mark.parametrize(
    ("framework", "more", "wrapper", "routes"),
    [
        ("flask", "", "", ()),
        ("quart", "app.add_websocket('/live', 'live', print)", "", (LIVE,)),
        ("flask", "from werkzeug.middleware.proxy_fix import ProxyFix", "ProxyFix", ()),
    ],
)
def test_the_routes_of_an_app_are_read_also_inside_middleware(
    tmp_path: Path, framework: str, more: str, wrapper: str, routes: tuple[Route, ...]
) -> None:
    (tmp_path / "routed.py").write_text(
        ROUTED.format(framework=framework, name=framework.title(), more=more, wrapper=wrapper)
    )
    plan = write_plan(tmp_path, WSGI_ONLY, directory=tmp_path, target="routed:app")
    item = Route(rule="/items/<int:item_id>", methods=("DELETE", "GET"))
    assert preflight(plan).routes == {"wsgi": (item, *routes)}


def test_a_factory_is_called_as_the_server_would_call_it(tmp_path: Path) -> None:
    for target in ("probe:make('wsgi', mark=1)", "probe:make.__call__('wsgi')"):
        assert preflight(write_plan(tmp_path, WSGI_ONLY, target=target)).problems == ()
    (problem,) = preflight(write_plan(tmp_path, WSGI_ONLY, target='probe:make("cgi")')).problems
    made = 'probe:make("cgi") returned an object of type NoneType, which is no application'
    assert problem.found == f"'probe:make(\"cgi\")' cannot be served: TypeError: {made}"


def test_an_app_of_its_own_environment_is_looked_for_there(tmp_path: Path) -> None:
    python = make_interpreter(tmp_path / "venv")
    (packages_of(tmp_path / "venv") / "only_here.py").write_text("app = print")
    here = write_plan(tmp_path, WSGI_ONLY, target="only_here:app")
    assert "No module named 'only_here'" in preflight(here).problems[0].found
    own = write_plan(tmp_path, WSGI_ONLY, target="only_here:app", more="python = 'venv/bin/python'")
    assert preflight(own).problems == ()
    assert python.is_symlink()  # and to follow it would have led out of the environment


@pytest.mark.parametrize(
    ("python", "found", "remedy"),
    [
        ("nowhere/bin/python", "there is no {}", "make the virtual environment"),
        ("venv", "{} is a directory", "name the interpreter in it, such as "),
        ("venv/pyvenv.cfg", "{} cannot be executed", "name an interpreter"),
        ("broken", "{} cannot be used: no luck today", "name an interpreter of Python 3.8 or later"),
    ],
)
def test_an_interpreter_that_cannot_serve(tmp_path: Path, python: str, found: str, remedy: str) -> None:
    make_interpreter(tmp_path / "venv", is_empty=True)
    (tmp_path / "broken").write_text("#!/bin/sh\necho no luck today\nexit 3")
    (tmp_path / "broken").chmod(0o755)
    problem = only_problem(write_plan(tmp_path, WSGI_ONLY, more=f"python = '{python}'"), "apps.wsgi.python")
    assert problem.found == found.format(tmp_path / python)
    assert problem.remedy.startswith(remedy)


def test_packages_that_are_missing(tmp_path: Path) -> None:
    python = make_interpreter(tmp_path / "venv", is_empty=True)
    deployments = {"gunicorn-gevent": "", "uvicorn asgi": "", "hypercorn a2wsgi": ""}
    plan = write_plan(tmp_path, deployments, more=f"python = '{python}'")
    first, second, third = preflight(plan).problems
    assert first.where == f"{plan.path}: deployments.gunicorn-gevent.server"
    assert first.found == (
        f"gunicorn-gevent needs gunicorn and gevent, not installed for {python} (CPython {python_version()})"
    )
    assert first.remedy == f"uv pip install --python {python} gunicorn gevent"
    assert second.remedy == f"uv pip install --python {python} uvicorn httptools uvloop"
    assert third.remedy == f"uv pip install --python {python} hypercorn h11 a2wsgi"


def test_a_directory_or_a_folder_to_import_from_that_is_missing(tmp_path: Path) -> None:
    found = f"there is no {tmp_path / 'nowhere'}"
    plan = write_plan(tmp_path, directory=tmp_path / "nowhere")
    assert only_problem(plan, "apps.wsgi.directory").found == found.replace("no ", "no directory ", 1)
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "needed.py").write_text("app = print")
    more = "pythonpath = ['libraries', 'nowhere']"
    plan = write_plan(tmp_path, WSGI_ONLY, target="needed:app", more=more)
    assert only_problem(plan, "apps.wsgi.pythonpath.1").found == found


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("command = 'x {port}'\nport = TAKEN", "port: port TAKEN cannot be used: Address already in use"),
        ("command = 'no-such-server {port}'", "command: there is no program 'no-such-server'"),
        ("command = './no-such-server {port}'", "command: there is no program './no-such-server'"),
        ("url = 'NONE'", "url: GET NONE/ received no response: [Errno 111] Connect call failed PLACE"),
        ("url = 'THERE'", "url: GET THERE/ received status 503: it is not ready"),
    ],
)
def test_a_port_a_program_or_an_address_that_cannot_be_used(
    tmp_path: Path, taken_port: int, servers: dict[str, RunningServer], lines: str, expected: str
) -> None:
    places = {"TAKEN": str(taken_port), "THERE": servers["waitress"].url, "'x ": "'python "}
    places["NONE"] = f"http://127.0.0.1:{find_free_ports('127.0.0.1', 1)[0]}"
    places["PLACE"] = str(("127.0.0.1", int(places["NONE"].rpartition(":")[2])))
    for name, place in places.items():
        lines, expected = lines.replace(name, place), expected.replace(name, place)
    plan = write_deployments(tmp_path, lines, "command = 'python {port}'")
    key, _, found = expected.partition(": ")
    assert only_problem(plan, f"deployments.first.{key}").found == found


def test_everything_is_reported_at_once(tmp_path: Path, taken_port: int) -> None:
    python = make_interpreter(tmp_path / "venv", is_empty=True)
    cpus = f"server = [{max(os.sched_getaffinity(0)) + 1}]"
    deployments = {"waitress": f"port = {taken_port}", "uvicorn asgi": ""}
    plan = write_plan(tmp_path, deployments, target="nothing:app", cpus=cpus, more=f"python = '{python}'")
    assert [problem.where.removeprefix(f"{plan.path}: ") for problem in preflight(plan).problems] == [
        "deployments.waitress.server",
        "apps.wsgi.target",
        "deployments.uvicorn asgi.server",
        "cpus.server",
        "deployments.waitress.port",
    ]


def test_a_port_that_two_deployments_have_is_a_problem_and_deployments_that_are_no_arms_are_not_checked(
    tmp_path: Path,
) -> None:
    plan = write_deployments(tmp_path, "command = 'python {port}'\nport = 18923")
    found = "port 18923 cannot be used: deployments.first has it too"
    assert only_problem(plan, "deployments.second.port").found == found
    deployments = {"uvicorn asgi": "", "granian asgi": "", "gunicorn": ""}
    plan = write_plan(tmp_path, deployments, target="nothing:app")
    assert preflight(plan.model_copy(update={"candidates": ["granian asgi"]})).problems == ()
