from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from portcompare.errors import InputError
from portcompare.plan import Deployment, Plan
from portcompare.serve import SERVERS, vocabulary
from portcompare.serve.recipe import ByRegistry, resolve_deployment
from portcompare.serve.servers.server import CONNECTION_LIMIT
from tests.serve.support import ALL, write_plan

if TYPE_CHECKING:
    from pathlib import Path

KNOBS = ("workers", "threads", "loop", "keep_alive_s", "backlog")


def by_registry(plan: Plan, name: str) -> ByRegistry:
    found = resolve_deployment(plan, name).by_registry
    assert found is not None
    return found


def test_the_vocabulary_names_every_server_with_its_interfaces_and_knobs() -> None:
    words = vocabulary()
    assert words.keys() == SERVERS.keys()
    assert words["gunicorn"] == {"wsgi": {"workers", "threads", "keep_alive_s", "backlog"}}
    assert words["hypercorn"].keys() == words["granian"].keys() == {"wsgi", "asgi"}
    assert words["uvicorn"]["asgi"] == {"workers", "loop", "keep_alive_s", "backlog"}


def test_every_knob_is_one_that_a_plan_has() -> None:
    for interfaces in vocabulary().values():
        for knobs in interfaces.values():
            assert knobs <= Deployment.model_fields.keys()


def test_an_unknown_server_is_met_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'gunicorn'") as raised:
        write_plan(tmp_path, {"gunicron": "", "uvicorn asgi": ""})
    assert all(name in str(raised.value) for name in SERVERS)


def test_a_knob_that_a_server_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gunicorn-sync has no such setting"):
        write_plan(tmp_path, {"gunicorn-sync": "threads = 8", "uvicorn asgi": ""})


@pytest.mark.parametrize("name", ALL)
def test_a_command_line_turns_every_knob_and_leaves_nothing_open(tmp_path: Path, name: str) -> None:
    turned = {"workers": "2", "threads": "3", "loop": '"asyncio"', "keep_alive_s": "11", "backlog": "222"}
    interface = "asgi" if name.endswith("asgi") else "wsgi"
    knobs = SERVERS[name.split(maxsplit=1)[0]].interfaces[interface].knobs
    lines = "\n".join(f"{knob} = {turned[knob]}" for knob in knobs)
    plan = write_plan(tmp_path, {name: lines, "uvicorn other asgi": ""})
    command = resolve_deployment(plan, name).command(8123)
    assert command[:2] == (sys.executable, "-m")
    assert any("8123" in word for word in command)
    targets = (f"probe:{interface}", f":never_empty('probe','{interface}')")
    assert any(word.endswith(targets) for word in command)
    assert not any("{" in word for word in command)
    for knob in knobs:
        assert turned[knob].strip('"') in command


def test_knobs_left_out_have_the_harness_defaults(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, {"gunicorn": "", "uvicorn asgi": "", "hypercorn asgi": ""})
    knobs = by_registry(plan, "gunicorn").knobs
    assert tuple(getattr(knobs, knob) for knob in KNOBS) == (1, 8, "asyncio", 75, 2048)
    assert by_registry(plan, "uvicorn asgi").knobs.loop == "uvloop"
    assert by_registry(plan, "hypercorn asgi").knobs.loop == "asyncio"


@pytest.mark.parametrize(
    ("name", "knobs", "slots"),
    [
        ("gunicorn", "workers = 2\nthreads = 3", 6),
        ("gunicorn-sync", "workers = 2", 2),
        ("gunicorn-gevent", "workers = 2", 2 * CONNECTION_LIMIT),
        ("waitress", "threads = 3", 3),
        ("granian", "workers = 2\nthreads = 3", 6),
        ("granian asgi", "workers = 2", 2 * CONNECTION_LIMIT),
        ("uvicorn asgi", "workers = 2", None),
        ("hypercorn asgi", "workers = 2", None),
    ],
)
def test_slots_follow_from_the_knobs(tmp_path: Path, name: str, knobs: str, slots: int | None) -> None:
    served = by_registry(write_plan(tmp_path, {name: knobs, "uvicorn other asgi": ""}), name)
    assert served.serving.slots(served.knobs, 1, (3, 11)) == slots


@pytest.mark.parametrize(
    ("version", "cpus", "slots"),
    [((3, 11), (2, 1), 6), ((3, 12), (64, 1), 32), ((3, 13), (64, 1), 5), ((3, 13), (64, 40), 32)],
)
def test_hypercorn_runs_wsgi_in_the_default_executor(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    version: tuple[int, int],
    cpus: tuple[int, int],
    slots: int,
) -> None:
    machine, pinned_to = cpus
    served = by_registry(write_plan(tmp_path, {"hypercorn": "", "uvicorn asgi": ""}), "hypercorn")
    monkeypatch.setattr(os, "cpu_count", lambda: machine)
    assert served.serving.slots(served.knobs, pinned_to, version) == slots


def test_uvloop_must_be_installed_only_where_it_is_used(tmp_path: Path) -> None:
    plan = write_plan(
        tmp_path,
        {"gunicorn": "", "uvicorn asgi": "", "hypercorn asgi": "", "granian asgi": 'loop = "asyncio"'},
    )
    users = [name for name in plan.deployments if "uvloop" in by_registry(plan, name).distributions]
    assert users == ["uvicorn asgi"]


def test_what_would_turn_knobs_unseen_is_not_inherited(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("GUNICORN_CMD_ARGS", "WEB_CONCURRENCY", "GRANIAN_WORKERS", "UVICORN_WORKERS", "FLASK_DEBUG"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("DATABASE", "inherited")
    plan = write_plan(tmp_path, {"gunicorn": 'environment = { FLASK_DEBUG = "0" }', "uvicorn asgi": ""})
    environment = resolve_deployment(plan, "gunicorn").environment("baseline")
    assert "GUNICORN_CMD_ARGS" not in environment
    assert "WEB_CONCURRENCY" not in environment
    assert "GRANIAN_WORKERS" not in environment
    assert "UVICORN_WORKERS" not in environment
    assert environment["DATABASE"] == "inherited"
    assert environment["FLASK_DEBUG"] == "0"  # the plan says so
    assert environment["PYTHONUNBUFFERED"] == "1"
