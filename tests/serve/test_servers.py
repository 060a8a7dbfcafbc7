"""The registry of servers, and what a deployment is started with."""

import os
import sys
import tomllib
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from portcompare.errors import InputError
from portcompare.plan import Deployment, Plan
from portcompare.serve.interpreters import check_interpreters
from portcompare.serve.recipe import FACTORY, ServerConfig, resolve_all, resolve_deployment
from portcompare.serve.servers import ADAPTERS, APP_PYTHON, SERVERS, executor_threads, vocabulary
from tests.serve.support import APPS, fetch, serve, write_plan

KNOBS = {"workers": "2", "threads": "3", "loop": '"asyncio"', "keep_alive_s": "11", "backlog": "222"}
GUNICORN = (
    f"gunicorn --config {APP_PYTHON}/portcompare_servers.py --bind 127.0.0.2:8123 --workers 2 --backlog 222 "
    "--worker-connections 10000 --timeout 0 --graceful-timeout 1 --worker-class"
)
GRANIAN = (
    "granian --host 127.0.0.2 --port 8123 --workers 2 --backlog 222 --backpressure 10000 "
    "--http1-header-read-timeout 60000 --workers-kill-timeout 1 --no-access-log --interface"
)
HYPERCORN = (
    f"hypercorn --config {APP_PYTHON}/hypercorn.toml --bind 127.0.0.2:8123 --workers 2 "
    "--worker-class asyncio --backlog 222 --keep-alive 11 --graceful-timeout 1"
)
COMMANDS = {
    "gunicorn": f"{GUNICORN} gthread --threads 3 --keep-alive 11 probe:wsgi",
    "gunicorn-sync": f"{GUNICORN} sync probe:wsgi",
    "gunicorn-gevent": f"{GUNICORN} gevent --keep-alive 11 probe:wsgi",
    "waitress": "waitress --host 127.0.0.2 --port 8123 --threads 3 --backlog 222 --channel-timeout 11 "
    "--connection-limit 10000 --asyncore-use-poll probe:wsgi",
    "granian": f"{GRANIAN} wsgi --blocking-threads 3 probe:wsgi",
    "granian asgi": f"{GRANIAN} asgi --loop asyncio probe:asgi",
    "hypercorn": f"{HYPERCORN} wsgi:{APP_PYTHON}/portcompare_servers.py:never_empty('probe','wsgi')",
    "hypercorn asgi": f"{HYPERCORN} asgi:probe:asgi",
    "gunicorn-asgi asgi": f"{GUNICORN} asgi --asgi-loop asyncio --keep-alive 11 probe:asgi",
    "gunicorn-asgi a2wsgi": f"{GUNICORN} asgi --asgi-loop asyncio --keep-alive 11 portcompare_adapted:app",
    "uvicorn asgi": "uvicorn --host 127.0.0.2 --port 8123 --workers 2 --loop asyncio --http httptools "
    "--backlog 222 --timeout-keep-alive 11 --timeout-graceful-shutdown 1 --no-access-log probe:asgi",
}


def config_of(plan: Plan, name: str) -> ServerConfig:
    found = resolve_deployment(plan, name).config
    assert found is not None
    return found


def test_the_vocabulary_names_every_server_with_its_interfaces_and_knobs(tmp_path: Path) -> None:
    words = vocabulary()
    assert words.keys() == SERVERS.keys()
    assert words["gunicorn"] == {"wsgi": {"workers", "threads", "keep_alive_s", "backlog"}}
    adapted = {"wsgi through a2wsgi", "wsgi through asgiref"}
    assert words["hypercorn"].keys() == words["granian"].keys() == {"wsgi", "asgi", *adapted}
    assert words["uvicorn"].keys() == words["gunicorn-asgi"].keys() == {"asgi", *adapted}
    assert words["uvicorn"]["asgi"] == {"workers", "loop", "keep_alive_s", "backlog"}
    assert words["uvicorn"]["wsgi through a2wsgi"] == words["uvicorn"]["asgi"] | {"threads"}
    for interfaces in words.values():
        assert all(knobs <= Deployment.model_fields.keys() for knobs in interfaces.values())
    with pytest.raises(InputError, match="did you mean 'gunicorn'") as raised:
        write_plan(tmp_path, {"gunicron": "", "uvicorn asgi": ""})
    assert all(name in str(raised.value) for name in SERVERS)
    with pytest.raises(InputError, match="gunicorn-sync has no such setting"):
        write_plan(tmp_path, {"gunicorn-sync": "threads = 8", "uvicorn asgi": ""})


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line_of_each_server_sets_every_knob_and_all_that_it_would_choose_itself(
    tmp_path: Path, name: str
) -> None:
    server, _, last = name.partition(" ")
    knobs = vocabulary()[server][f"wsgi through {last}" if last in ADAPTERS else last or "wsgi"]
    plan = write_plan(
        tmp_path, {name: "\n".join(f"{knob} = {KNOBS[knob]}" for knob in knobs), "uvicorn x asgi": ""}
    )
    plan = plan.model_copy(update={"host": IPv4Address("127.0.0.2")})
    recipe = resolve_deployment(plan, name)
    command = recipe.command(8123)
    adapted = f"{last} 3 probe:wsgi" if last in ADAPTERS else None
    assert recipe.variables("baseline").get("PORTCOMPARE_ADAPTED") == adapted
    assert " ".join(command) == f"{sys.executable} -m {COMMANDS[name]}"


def test_hypercorn_reads_the_settings_that_have_no_flag_from_a_file() -> None:
    settings = tomllib.loads((APP_PYTHON / "hypercorn.toml").read_text(encoding="utf-8"))
    assert settings == {"keep_alive_max_requests": 10**12, "wsgi_max_body_size": 2**30}


@pytest.mark.parametrize(
    ("name", "knobs", "slots"),
    [
        ("gunicorn", "workers = 2\nthreads = 3", 6),
        ("gunicorn-sync", "workers = 2", 2),
        ("gunicorn-gevent", "workers = 2", 20_000),
        ("waitress", "threads = 3", 3),
        ("granian", "workers = 2\nthreads = 3", 6),
        ("granian asgi", "workers = 2", 20_000),
        ("uvicorn asgi", "workers = 2", None),
        ("hypercorn asgi", "workers = 2", None),
        ("gunicorn-asgi asgi", "workers = 2", None),
        ("hypercorn a2wsgi", "workers = 2\nthreads = 3", 6),
        ("granian asgiref", "workers = 2", 2),
    ],
)
def test_slots_follow_from_the_knobs(tmp_path: Path, name: str, knobs: str, slots: int | None) -> None:
    config = config_of(write_plan(tmp_path, {name: knobs, "uvicorn other asgi": ""}), name)
    assert config.serving.slots(config.knobs, 1, (3, 11)) == slots


@pytest.mark.parametrize(
    ("version", "cpus", "slots"),
    [((3, 11), (2, 1), 6), ((3, 12), (64, 1), 32), ((3, 13), (64, 1), 5), ((3, 13), (64, 40), 32)],
)
def test_hypercorn_runs_wsgi_in_the_default_executor_which_counts_cpus_by_version(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    version: tuple[int, int],
    cpus: tuple[int, int],
    slots: int,
) -> None:
    machine, pinned_to = cpus
    monkeypatch.setattr(os, "cpu_count", lambda: machine)
    config = config_of(write_plan(tmp_path, {"hypercorn": "", "uvicorn asgi": ""}), "hypercorn")
    assert (
        config.serving.slots(config.knobs, pinned_to, version)
        == executor_threads(pinned_to, version)
        == slots
    )


def test_variables_that_would_change_knobs_are_not_inherited(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = {"GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "GRANIAN_WORKERS", "UVICORN_WORKERS", "QUART_DEBUG"}
    for name in (*names, "FLASK_DEBUG"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("DATABASE", "inherited")
    plan = write_plan(tmp_path, {"gunicorn": 'environment = { FLASK_DEBUG = "0" }', "uvicorn asgi": ""})
    variables = resolve_deployment(plan, "gunicorn").variables("baseline")
    assert not names & variables.keys()
    assert variables["DATABASE"] == "inherited"
    assert variables["FLASK_DEBUG"] == "0"  # the plan sets it
    assert variables["PYTHONUNBUFFERED"] == "1"
    assert FACTORY not in variables


# What serves, and what Quart, Flask and the app need.
NAMES = (
    ("gunicorn.py", "hypercorn.py", "uvicorn/__init__.py", "portcompare.py"),
    ("flask.py", "quart.py", "click.py", "h11.py", "asyncio.py"),
)
RAISE = "raise SystemExit('this file was imported')"


def make_plan(tmp_path: Path, files: dict[str, str], target: str = "probe:wsgi") -> Plan:
    folder = tmp_path / "app"
    probe = (APPS / "probe.py").read_text()
    apps = {
        "probe.py": f"import own\nfrom flask import Flask\nassert Flask\n{probe}",
        "port.py": f"import asyncio, own\nfrom quart import Quart\nassert Quart and asyncio.sleep\n{probe}",
        "own.py": "",
    }
    for name, text in {**apps, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    names = {"gunicorn": "", "hypercorn": "workers = 2", "uvicorn asgi": "workers = 2"}
    plan = write_plan(tmp_path, names, target=target, asgi_target="port:asgi", directory=folder)
    moved = {name: app.model_copy(update={"directory": folder}) for name, app in plan.apps.items()}
    return plan.model_copy(update={"apps": moved})


def import_problems(plan: Plan) -> list[str]:
    checks = check_interpreters(resolve_all(plan), with_import=True)
    return [check.problem for check in checks if check.problem]


@pytest.mark.parametrize("names", NAMES)
def test_a_server_starts_in_a_folder_with_files_named_like_libraries(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    plan = make_plan(tmp_path, dict.fromkeys(names, RAISE))
    assert import_problems(plan) == []
    with serve(plan, tmp_path) as servers:
        assert all(fetch(server, "/process")["made"] == [] for server in servers.values())


@pytest.mark.parametrize(
    ("file", "text", "target"),
    [
        ("flask.py", "from flask import Flask\nwsgi = Flask(__name__)", "flask:wsgi"),
        ("gunicorn.py", "def wsgi(environ, start_response): ...", "gunicorn:wsgi"),
        ("click.py", "NAME = 1", "uses:wsgi"),
    ],
)
def test_a_module_that_the_app_itself_needs_is_named_if_a_library_has_its_name(
    tmp_path: Path, file: str, text: str, target: str
) -> None:
    plan = make_plan(tmp_path, {file: text, "uses.py": "from click import NAME\nwsgi = print"}, target)
    (problem,) = import_problems(plan)
    clash = (
        f"{tmp_path / 'app' / file} has the name of the library {file[:-3]}, which is imported in its place"
    )
    assert clash in problem


def test_where_no_file_hides_a_library_the_server_is_run_as_usual(tmp_path: Path) -> None:
    recipe = resolve_deployment(
        make_plan(tmp_path, {"gunicorn.conf.py": "", "flask/data.txt": ""}), "gunicorn"
    )
    assert recipe.command(1)[1:3] == ("-m", "gunicorn")
