from __future__ import annotations

import os
import socket
import sys
from importlib import import_module, metadata
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from portcompare.serve import preflight
from tests.serve.support import APPS, write_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have distributions look as if they were not installed."""

    def remove(*names: str) -> None:
        def version(name: str) -> str:
            if name in names:
                raise metadata.PackageNotFoundError(name)
            return metadata.version(name)

        monkeypatch.setattr(import_module("portcompare.serve.preflight"), "version", version)

    return remove


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
    assert problem.found.endswith("importing it ended with status 3")


def test_an_app_that_does_not_finish_its_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("portcompare.serve.preflight"), "IMPORT_LIMIT_S", 0.5)
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


def test_packages_that_are_missing(tmp_path: Path, without: Callable[..., None]) -> None:
    without("gunicorn", "gevent", "uvloop")
    plan = write_plan(tmp_path, {"gunicorn-gevent": "", "uvicorn asgi": "", "hypercorn asgi": ""})
    first, second = preflight(plan)
    assert first.where == f"{plan.path}: deployments.gunicorn-gevent.server"
    assert first.found == "gunicorn-gevent needs gunicorn and gevent, not installed here"
    assert first.remedy == "pip install gunicorn gevent"
    assert second.found == "uvicorn needs uvloop, not installed here"


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


def test_everything_is_told_at_once(tmp_path: Path, taken_port: int, without: Callable[..., None]) -> None:
    without("waitress")
    cpus = f"server = [{max(os.sched_getaffinity(0)) + 1}]"
    deployments = {"waitress": f"port = {taken_port}", "uvicorn asgi": ""}
    plan = write_plan(tmp_path, deployments, target="nothing:app", cpus=cpus)
    keys = [problem.where.removeprefix(f"{plan.path}: ") for problem in preflight(plan)]
    assert keys == [
        "deployments.waitress.server",
        "deployments.waitress.port",
        "cpus.server",
        "apps.wsgi.target",
    ]


def test_deployments_that_are_no_arms_are_left_alone(tmp_path: Path) -> None:
    plan = write_plan(
        tmp_path, {"uvicorn asgi": "", "granian asgi": "", "gunicorn": ""}, target="nothing:app"
    )
    assert preflight(plan.model_copy(update={"candidates": ["granian asgi"]})) == []
