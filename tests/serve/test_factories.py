"""Apps made by factories: on every server, and what the module does that calls them inside the servers."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portcompare import serve
from portcompare.plan import load_plan
from portcompare.serve import assign_cpus, serve_deployments, vocabulary
from portcompare.serve.recipe import FACTORY, FACTORY_TARGET
from tests.serve.support import ALL, APPS, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.serve import RunningServer

SERVE = Path(serve.__file__).parent
MODULE, _, NAME = FACTORY_TARGET.partition(":")
SCRIPT = SERVE / "servers" / "app_factory" / f"{MODULE}.py"

RUN_BY_THE_APPS_INTERPRETER = [
    SCRIPT,
    SERVE / "import_check.py",
    SERVE / "servers" / "gunicorn_config.py",
    SERVE / "servers" / "hypercorn_wsgi" / "portcompare_never_empty.py",
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RunningServer]]:
    """Every server with every interface, its app made by a factory."""
    folder = tmp_path_factory.mktemp("made")
    lines = [f"baseline = 'gunicorn'\ncandidates = {list(ALL)[1:]}"]
    lines += [
        f"[apps.{interface}]\ntarget = 'probe:make(\"{interface}\", mark=7)'\ninterface = '{interface}'\n"
        f"directory = '{APPS}'\nready_path = '/healthz'"
        for interface in ("wsgi", "asgi")
    ]
    lines += [
        f"[deployments.'{name}']\napp = '{interface}'\nserver = '{name.split()[0]}'"
        for name, interface in ALL.items()
    ]
    lines += ["[scenarios.fast]\nrequest = { path = '/' }\nload = { users = [1] }"]
    (folder / "plan.toml").write_text("\n".join(lines))
    plan = load_plan(folder / "plan.toml", vocabulary())
    with serve_deployments(
        plan, {name: name for name in ALL}, folder=folder, cpus=assign_cpus(plan)
    ) as running:
        yield running


@pytest.mark.parametrize("name", ALL)
def test_each_server_serves_what_a_factory_makes_once_with_its_arguments(
    made: dict[str, RunningServer], name: str
) -> None:
    assert ask(made[name], "/made") == {"made": [[ALL[name], 7]]}


def call(monkeypatch: pytest.MonkeyPatch, factory: str) -> Any:  # noqa: ANN401 - whatever was made
    monkeypatch.syspath_prepend(APPS)
    monkeypatch.setenv(FACTORY, factory)
    return runpy.run_path(str(SCRIPT))[NAME]


def test_a_factory_may_be_inside_another_object(monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(call(monkeypatch, "probe:make.__call__('asgi')"))


def test_a_factory_that_makes_no_application_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match=r"probe:make\('cgi'\) returned an object of type NoneType"):
        call(monkeypatch, "probe:make('cgi')")


@pytest.mark.parametrize("path", RUN_BY_THE_APPS_INTERPRETER, ids=lambda path: path.name)
def test_what_runs_in_the_apps_interpreter_is_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
