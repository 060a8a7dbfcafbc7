from __future__ import annotations

import os
import socket
import sys
from ipaddress import IPv4Address
from platform import python_version
from typing import TYPE_CHECKING

import pytest

from portcompare.serve import interpreters, preflight
from portcompare.serve.ports import find_free_ports
from tests.serve.interpreters import make_interpreter
from tests.serve.support import APPS, write_deployments, write_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portcompare.serve import StartedServer


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_plan_that_can_be_served_has_no_problems(tmp_path: Path) -> None:
    assert preflight(write_plan(tmp_path, {"gunicorn": "", "uvicorn asgi": "", "granian asgi": ""})) == []


def test_an_address_of_another_machine(tmp_path: Path) -> None:
    plan = write_plan(tmp_path).model_copy(update={"host": IPv4Address("192.0.2.1")})
    (problem,) = preflight(plan)
    assert problem.where == f"{plan.path}: host"
    assert problem.found.startswith("192.0.2.1 cannot be listened on")
    assert "127.0.0.1" in problem.remedy


def test_a_module_that_is_missing(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, target="prob.e:wsgi")
    (problem,) = preflight(plan)
    assert problem.where == f"{plan.path}: apps.wsgi.target"
    assert problem.found == "'prob.e:wsgi' cannot be served: ModuleNotFoundError: No module named 'prob'"
    assert f"cd {APPS} && {sys.executable} -c 'import prob.e'" in problem.remedy


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("probe:nothing", "there is no 'nothing' in module 'probe'"),
        ("probe:wsgi.nothing", "there is no 'wsgi.nothing' in module 'probe'"),
        ("probe:not_an_app", "'not_an_app' cannot be called: it is of type int"),
    ],
)
def test_an_object_that_is_missing_or_no_app(tmp_path: Path, target: str, reason: str) -> None:
    (problem,) = preflight(write_plan(tmp_path, target=target))
    assert problem.found == f"{target!r} cannot be served: {reason}"


def test_an_app_that_raises_tells_the_exceptions_last_line(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("print('hello')\nraise ValueError('DATABASE is not set')")
    (problem,) = preflight(write_plan(tmp_path, directory=tmp_path, target="broken:app"))
    assert problem.found.endswith("cannot be served: ValueError: DATABASE is not set")


def test_an_app_that_ends_the_process_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "quitter.py").write_text("raise SystemExit(3)")
    (problem,) = preflight(write_plan(tmp_path, directory=tmp_path, target="quitter:app"))
    assert problem.found.endswith("cannot be served: it ended with status 3")


def test_an_app_that_ends_the_process_as_if_all_were_well(tmp_path: Path) -> None:
    (tmp_path / "quitter.py").write_text("raise SystemExit")
    (problem,) = preflight(write_plan(tmp_path, directory=tmp_path, target="quitter:app"))
    assert problem.found.endswith("cannot be served: importing it ended the process, with status 0")


def test_an_app_that_does_not_finish_its_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "ANSWER_LIMIT_S", 0.5)
    (tmp_path / "slow.py").write_text("import signal\nsignal.pause()")
    problem = preflight(write_plan(tmp_path, directory=tmp_path, target="slow:app"))[0]
    assert problem.found == "'slow:app' cannot be served: not done after 0.5 s"


def test_an_app_is_imported_in_the_deployments_directory_and_environment(tmp_path: Path) -> None:
    (tmp_path / "needy.py").write_text("import os\nfrom beside import name\napp = print\nos.environ[name]")
    (tmp_path / "beside.py").write_text("name = 'NEEDED'")
    deployments = {"gunicorn": 'environment = { NEEDED = "1" }', "waitress": "", "uvicorn asgi": ""}
    (problem,) = preflight(write_plan(tmp_path, deployments, directory=tmp_path, target="needy:app"))
    assert problem.found.endswith("KeyError: 'NEEDED'")  # on waitress; on gunicorn it has what it needs


def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, directory=tmp_path / "nowhere")
    (problem,) = preflight(plan)
    assert problem.where == f"{plan.path}: apps.wsgi.directory"
    assert problem.found == f"there is no directory {tmp_path / 'nowhere'}"


def test_packages_that_are_missing(tmp_path: Path) -> None:
    python = make_interpreter(tmp_path / "venv", is_empty=True)
    plan = write_plan(
        tmp_path,
        {"gunicorn-gevent": "", "uvicorn asgi": "", "hypercorn asgi": ""},
        more=f"python = '{python}'",
    )
    first, second, third = preflight(plan)
    assert first.where == f"{plan.path}: deployments.gunicorn-gevent.server"
    assert first.found == (
        f"gunicorn-gevent needs gunicorn and gevent, not installed for {python} (CPython {python_version()})"
    )
    assert first.remedy == f"{python} -m pip install gunicorn gevent"
    assert second.remedy == f"{python} -m pip install uvicorn httptools uvloop"
    assert third.remedy == f"{python} -m pip install hypercorn h11"


def test_a_fixed_port_that_is_taken(tmp_path: Path, taken_port: int) -> None:
    plan = write_plan(tmp_path, {"gunicorn": f"port = {taken_port}", "uvicorn asgi": ""})
    (problem,) = preflight(plan)
    assert problem.where == f"{plan.path}: deployments.gunicorn.port"
    assert problem.found == f"port {taken_port} cannot be used: Address already in use"


def test_a_fixed_port_that_stands_there_twice(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, {"gunicorn": "port = 18923", "uvicorn asgi": "port = 18923"})
    (problem,) = preflight(plan)
    assert problem.where == f"{plan.path}: deployments.uvicorn asgi.port"
    assert problem.found == "port 18923 cannot be used: deployments.gunicorn has it too"


def test_everything_is_told_at_once(tmp_path: Path, taken_port: int) -> None:
    python = make_interpreter(tmp_path / "venv", is_empty=True)
    cpus = f"server = [{max(os.sched_getaffinity(0)) + 1}]"
    deployments = {"waitress": f"port = {taken_port}", "uvicorn asgi": ""}
    plan = write_plan(tmp_path, deployments, target="nothing:app", cpus=cpus, more=f"python = '{python}'")
    keys = [problem.where.removeprefix(f"{plan.path}: ") for problem in preflight(plan)]
    assert keys == [
        "deployments.waitress.server",
        "deployments.uvicorn asgi.server",
        "deployments.waitress.port",
        "cpus.server",
        "apps.wsgi.target",
    ]


def test_deployments_that_are_no_arms_are_left_alone(tmp_path: Path) -> None:
    plan = write_plan(
        tmp_path, {"uvicorn asgi": "", "granian asgi": "", "gunicorn": ""}, target="nothing:app"
    )
    assert preflight(plan.model_copy(update={"candidates": ["granian asgi"]})) == []


def test_an_app_of_its_own_environment_is_looked_for_there(tmp_path: Path) -> None:
    python = make_interpreter(tmp_path / "venv")
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (packages / "only_here.py").write_text("app = print")
    here = write_plan(tmp_path, target="only_here:app")
    assert "No module named 'only_here'" in preflight(here)[0].found
    assert preflight(write_plan(tmp_path, target="only_here:app", more="python = 'venv/bin/python'")) == []
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
    plan = write_plan(tmp_path, {"gunicorn": "", "waitress": ""}, more=f"python = '{python}'")
    (problem,) = preflight(plan)
    assert problem.where == f"{plan.path}: apps.wsgi.python"
    assert problem.found == found.format(tmp_path / python)
    assert problem.remedy.startswith(remedy)


def test_a_factory_is_called_as_the_server_would_call_it(tmp_path: Path) -> None:
    assert preflight(write_plan(tmp_path, target="probe:make('wsgi', mark=1)".replace("'", '\\"'))) == []
    (problem,) = preflight(write_plan(tmp_path, target="probe:make('cgi')".replace("'", '\\"')))
    made = 'probe:make("cgi") returned an object of type NoneType, which is no application'
    assert problem.found == f"'probe:make(\"cgi\")' cannot be served: TypeError: {made}"


def test_an_app_with_a_setup_is_not_imported_before_it(tmp_path: Path) -> None:
    (tmp_path / "needy.py").write_text("open('database')")
    plan = write_plan(tmp_path, directory=tmp_path, target="needy:app", more="setup = ['touch database']")
    assert [problem.where for problem in preflight(plan)] == []


def test_folders_to_import_from_are_there(tmp_path: Path) -> None:
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "needed.py").write_text("app = print")
    plan = write_plan(tmp_path, target="needed:app", more="pythonpath = ['libraries', 'nowhere']")
    assert {(one.where, one.found) for one in preflight(plan)} == {
        (f"{plan.path}: apps.{app}.pythonpath.1", f"there is no {tmp_path / 'nowhere'}")
        for app in ("wsgi", "asgi")
    }


@pytest.mark.parametrize("program", ["no-such-server", "./no-such-server"])
def test_a_program_that_is_missing(tmp_path: Path, program: str) -> None:
    plan = write_deployments(tmp_path, f"command = '{program} {{port}}'", "command = 'python {port}'")
    (problem,) = preflight(plan)
    assert problem.where == f"{plan.path}: deployments.first.command"
    assert problem.found == f"there is no program '{program}'"


def test_an_address_where_nothing_answers(tmp_path: Path) -> None:
    (port,) = find_free_ports("127.0.0.1", 1)
    url = f"http://127.0.0.1:{port}"
    plan = write_deployments(tmp_path, f"url = '{url}'", "command = 'python {port}'")
    (problem,) = preflight(plan)
    assert problem.where == f"{plan.path}: deployments.first.url"
    assert problem.found == f"GET {url}/ had no answer: [Errno 111] Connection refused"
    assert problem.remedy.startswith("start that server first")


def test_an_address_that_is_not_ready(tmp_path: Path, servers: dict[str, StartedServer]) -> None:
    url = servers["waitress"].url
    plan = write_deployments(
        tmp_path, f"url = '{url}'", f"url = '{url}'\napp = 'one'", app="ready_path = '/process'"
    )
    (problem,) = preflight(plan)
    assert problem.found == f"GET {url}/ was answered 503: it is not ready"


def test_addresses_alone_need_no_address_to_listen_on(
    tmp_path: Path, servers: dict[str, StartedServer]
) -> None:
    url = f"url = '{servers['waitress'].url}'\napp = 'one'"
    plan = write_deployments(tmp_path, url, url, app="ready_path = '/process'")
    assert preflight(plan.model_copy(update={"host": IPv4Address("192.0.2.1")})) == []
