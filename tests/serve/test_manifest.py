import os
import platform
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from portcompare.plan import Plan
from portcompare.records.manifest import Ceiling, ServedDeployment
from portcompare.serve import manifest
from portcompare.serve.cpus import CpuAssignment
from portcompare.serve.interpreters import Interpreter
from portcompare.serve.manifest import (
    describe_deployment,
    describe_manifest,
    find_differences,
    read_cpu_model,
    read_governors,
)
from portcompare.serve.recipe import resolve_deployment
from portcompare.serve.servers import executor_threads
from portcompare.serve.watchdog import open_files_limit
from tests.serve.support import (
    ADAPTED,
    ALL,
    APPS,
    make_interpreter,
    packages_of,
    write_deployments,
    write_plan,
)

CPUS = CpuAssignment(server=(0, 1), generator=(2,))
INSTALLED = dict.fromkeys(("gunicorn", "flask", "werkzeug", "quart", "httptools", "uvloop", "gevent"), "1.0")
CPYTHON = Interpreter(name="CPython 3.11.7", version=(3, 11), versions=INSTALLED)


def describe(plan: Plan) -> list[ServedDeployment]:
    return [
        describe_deployment(resolve_deployment(plan, name), CPUS, CPYTHON, plan.scenarios)
        for name in plan.deployments
    ]


def differences(plan: Plan) -> list[str]:
    baseline, *candidates = describe(plan)
    return [found for candidate in candidates for found in find_differences(baseline, candidate)]


def test_the_machine_the_software_and_the_deployments_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cpu, governor in enumerate(("performance", "powersave", "performance", "schedutil")):
        folder = tmp_path / f"cpu{cpu}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{governor}\n")
    monkeypatch.setattr(manifest, "_CPU_FOLDER", tmp_path)
    deployments = {"gunicorn": "environment = { API_KEY = 'hidden' }", "granian asgi": "workers = 2"}
    found = describe_manifest(write_plan(tmp_path, deployments), CPUS)
    assert found.portcompare == version("portcompare")
    assert found.python.startswith(
        f"CPython {platform.python_version()} ({platform.python_compiler()}, build "
    )
    assert found.kernel == f"Linux {platform.release()}"
    assert found.cpu_count == os.cpu_count()
    assert found.cpu_governor == "performance, powersave"
    assert found.memory_bytes == psutil.virtual_memory().total
    assert found.generator_cpus == (2,)
    assert found.libraries["locust"] == version("locust")
    assert found.libraries["numpy"] == version("numpy")
    gunicorn, granian = found.deployments
    assert gunicorn.server == f"gunicorn {version('gunicorn')}"
    assert granian.server == f"granian {version('granian')}"
    assert gunicorn.versions == {"flask": version("flask"), "werkzeug": version("werkzeug")}
    assert granian.versions["uvloop"] == version("uvloop")
    assert gunicorn.environment == {"API_KEY": "***"}
    assert "workers: gunicorn 1, granian asgi 2" in found.differences


def test_a_deployment_is_recorded_with_all_its_settings(tmp_path: Path) -> None:
    lines = 'threads = 4\nenvironment = { MODE = "fast" }'
    baseline, candidate = describe(write_plan(tmp_path, {"gunicorn": lines, "uvicorn asgi": ""}))
    assert baseline.name == "gunicorn"
    assert baseline.server == "gunicorn 1.0"
    assert "127.0.0.1:{port}" in baseline.command
    assert baseline.environment == {"MODE": "fast"}
    knobs = {"workers": "1", "threads": "4", "loop": "none", "keep_alive_s": "75", "backlog": "2048"}
    limits = {"connection_limit": "10000", "requests_per_connection": "no limit", "worker_timeout_s": "none"}
    others = {"access_log": "off", "http_parser": "auto", "control_socket": "off"}
    assert baseline.settings == knobs | limits | others | {"open_files": str(open_files_limit()), "gil": "on"}
    assert baseline.slots == 4
    assert baseline.cpus == (0, 1)
    assert baseline.versions == {"flask": "1.0", "werkzeug": "1.0"}
    assert candidate.slots is None
    assert candidate.server == "uvicorn (not installed)"
    assert candidate.versions.keys() == {"quart", "flask", "werkzeug", "httptools", "uvloop"}


def test_every_server_states_all_that_may_differ_between_arms(tmp_path: Path) -> None:
    for one in describe(write_plan(tmp_path, dict.fromkeys((*ALL, *ADAPTED), ""))):
        assert {"workers", "threads", "loop", "http_parser", "keep_alive_s", "backlog"} <= one.settings.keys()
        assert one.settings["access_log"] == "off"
        assert one.cpus == CPUS.server
        assert {"flask", "werkzeug"} <= one.versions.keys()


def test_what_differs_besides_app_and_server_is_described(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, {"gunicorn": "", "granian asgi": "workers = 2", "gunicorn-sync": ""})
    assert differences(plan) == [
        "workers: gunicorn 1, granian asgi 2",
        "threads: gunicorn 8, granian asgi none",
        "loop: gunicorn none, granian asgi uvloop",
        "keep_alive_s: gunicorn 75, granian asgi 60",
        "requests in handlers at once: gunicorn 8, granian asgi 20000",
        "threads: gunicorn 8, gunicorn-sync none",
        "keep_alive_s: gunicorn 75, gunicorn-sync none",
        "requests_per_connection: gunicorn no limit, gunicorn-sync 1",
        "requests in handlers at once: gunicorn 8, gunicorn-sync 1",
    ]


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("", "", []),
        ("MODE = 'fast'", "", ["environment MODE: waitress fast, waitress x none"]),
        ("API_KEY = 'one'", "API_KEY = 'one'", []),
        ("API_KEY = 'one'", "API_KEY = 'two'", ["environment API_KEY: waitress ***, waitress x ***"]),
        ("API_KEY = 'one'", "", ["environment API_KEY: waitress ***, waitress x none"]),
    ],
)
def test_an_environment_that_differs_is_a_difference_and_a_secret_is_masked(
    tmp_path: Path, first: str, second: str, found: list[str]
) -> None:
    knobs = {"waitress": f"environment = {{ {first} }}", "waitress x": f"environment = {{ {second} }}"}
    assert differences(write_plan(tmp_path, knobs)) == found


def test_of_each_kind_of_deployment_what_is_known_is_recorded(tmp_path: Path) -> None:
    plan = write_deployments(
        tmp_path,
        "app = 'one'\ncommand = 'python serve.py --db=sql://ann:hidden@db --listen {host}:{port} probe:wsgi'",
        "url = 'http://127.0.0.1:1'",
        app=f"directory = '{APPS}'\nenvironment = {{ MODE = 'of {{arm}}', API_KEY = 'hidden' }}",
    )
    found = describe_manifest(plan, CPUS)
    command, running = found.deployments
    assert (command.kind, command.server, command.slots) == ("command", "by its own command", None)
    assert command.command[-2:] == ("127.0.0.1:{port}", "probe:wsgi")
    assert command.command[2] == "--db=sql://ann:***@db"
    assert command.environment == {"MODE": "of {arm}", "API_KEY": "***"}
    assert "hidden" not in str(asdict(found))
    assert command.python == ""  # the command need not be Python at all
    assert (running.kind, running.server) == ("url", "at http://127.0.0.1:1, already running")
    assert (running.command, running.cpus, running.settings, running.slots) == ((), (), {}, None)
    assert found.differences == (
        "the settings of first are not known: its own command serves it",
        "the settings of second are not known: it was already running",
    )


def test_interpreters_and_packages_that_differ_are_differences(tmp_path: Path) -> None:
    make_interpreter(tmp_path / "venv")
    metadata = packages_of(tmp_path / "venv") / "flask-0.1.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Name: flask\nVersion: 0.1\n")
    app = "target = 'service:app'\ninterface = 'wsgi'\n"
    plan = write_deployments(
        tmp_path,
        "app = 'one'\nserver = 'waitress'",
        "app = 'two'\nserver = 'waitress'",
        app=f"{app}\n[apps.two]\n{app}python = 'venv/bin/python'",
    )
    found = describe_manifest(plan, CPUS)
    assert found.differences == (f"flask version: first {version('flask')}, second 0.1",)
    first, second = found.deployments
    assert first.python == second.python == f"CPython {platform.python_version()}"
    older = replace(second, python="CPython 3.8.1")
    assert f"python: first {first.python}, second CPython 3.8.1" in tuple(find_differences(first, older))


THREADS = executor_threads(os.cpu_count() or 1, (3, 11))


@pytest.mark.parametrize(
    ("slots", "knobs", "expected"),
    [
        ("event-loop", "", Ceiling(slots=1, noun="blocked event loop")),
        ("event-loop", "workers = 3", Ceiling(slots=3, noun="blocked event loop")),
        ("executor", "", Ceiling(slots=THREADS, noun="executor thread")),
        (10, "workers = 2", Ceiling(slots=20, noun="slot")),
    ],
)
def test_a_scenario_states_how_many_requests_its_handler_leaves_room_for(
    tmp_path: Path, slots: int | str, knobs: str, expected: Ceiling
) -> None:
    plan = write_plan(tmp_path, {"gunicorn": "threads = 2", "uvicorn asgi": knobs})
    scenario = plan.scenarios["fast"].model_copy(update={"slots": {"asgi": slots, "wsgi": 3}})
    plan = plan.model_copy(update={"scenarios": {"fast": scenario, "other": plan.scenarios["fast"]}})
    baseline, candidate = describe(plan)
    assert candidate.ceilings == {"fast": expected}
    assert candidate.slots is None
    assert (baseline.slots, baseline.ceilings) == (2, {})  # a server with fewer slots sets the bound itself


def test_processor_and_governor_are_named_where_the_system_names_them(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n")
    assert read_cpu_model(cpuinfo) == "Some CPU @ 3 GHz"
    cpuinfo.write_text("processor\t: 0\nCPU part\t: 0xd0c\n")
    assert not read_cpu_model(cpuinfo)
    assert read_governors(tmp_path, [0, 1]) == ()
