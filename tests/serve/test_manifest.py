from __future__ import annotations

import os
import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING

import psutil

from portcompare.serve import CpuAssignment, describe_manifest, manifest
from portcompare.serve.import_check import find_versions
from portcompare.serve.manifest import (
    read_cpu_model,
    read_governors,
)
from portcompare.serve.watchdog import open_files_limit
from tests.serve.support import ALL, write_plan

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from portcompare.records.manifest import Manifest

CPUS = CpuAssignment(server=(0, 1), generator=(2,))


def manifest_of(tmp_path: Path, deployments: dict[str, str]) -> Manifest:
    return describe_manifest(write_plan(tmp_path, deployments), CPUS)


def test_the_machine_and_the_software_are_written_down(tmp_path: Path) -> None:
    found = manifest_of(tmp_path, {"gunicorn": "", "uvicorn asgi": ""})
    assert found.portcompare == version("portcompare")
    assert found.python.startswith(
        f"CPython {platform.python_version()} ({platform.python_compiler()}, build "
    )
    assert found.kernel == f"Linux {platform.release()}"
    assert found.cpu_count == os.cpu_count()
    assert found.memory_bytes == psutil.virtual_memory().total
    assert found.generator_cpus == (2,)
    assert found.libraries["locust"] == version("locust")
    assert found.libraries == find_versions(
        ["gevent", "greenlet", "hdrhistogram", "httptools", "locust", "numpy", "psutil", "pydantic"]
    )


def test_each_deployment_is_written_down_once_with_all_its_settings(tmp_path: Path) -> None:
    found = manifest_of(
        tmp_path, {"gunicorn": 'threads = 4\nenvironment = { MODE = "fast" }', "uvicorn asgi": ""}
    )
    baseline, candidate = found.deployments
    assert baseline.name == "gunicorn"
    assert baseline.server == f"gunicorn {version('gunicorn')}"
    assert "127.0.0.1:{port}" in baseline.command
    assert baseline.environment == {"MODE": "fast"}
    assert baseline.settings == {
        "workers": "1",
        "threads": "4",
        "loop": "none",
        "keep_alive_s": "75",
        "backlog": "2048",
        "connection_limit": "10000",
        "requests_per_connection": "no limit",
        "access_log": "off",
        "worker_timeout_s": "none",
        "http_parser": "auto",
        "control_socket": "off",
        "open_files": str(open_files_limit()),
    }
    assert baseline.slots == 4
    assert baseline.cpus == (0, 1)
    assert baseline.versions == {"flask": version("flask"), "werkzeug": version("werkzeug")}
    assert candidate.slots is None
    assert candidate.versions.keys() == {"quart", "flask", "werkzeug", "httptools", "uvloop"}


def test_versions_are_of_what_the_server_rests_on(tmp_path: Path) -> None:
    found = manifest_of(tmp_path, {"gunicorn-gevent": "", "hypercorn asgi": "", "granian asgi": ""})
    gevent, hypercorn, granian = (deployment.versions.keys() for deployment in found.deployments)
    assert "gevent" in gevent
    assert "h11" in hypercorn
    assert "uvloop" not in hypercorn
    assert "uvloop" in granian


def test_versions_are_looked_up_of_what_is_installed() -> None:
    assert find_versions(["no-such-package", "gunicorn"]) == {"gunicorn": version("gunicorn")}


def test_what_differs_besides_app_and_server_is_told_in_words(tmp_path: Path) -> None:
    found = manifest_of(tmp_path, {"gunicorn": "", "granian asgi": "workers = 2", "gunicorn-sync": ""})
    assert found.differences == (
        "workers: gunicorn 1, granian asgi 2",
        "threads: gunicorn 8, granian asgi none",
        "loop: gunicorn none, granian asgi uvloop",
        "keep_alive_s: gunicorn 75, granian asgi 60",
        "slots: gunicorn 8, granian asgi 20000",
        "threads: gunicorn 8, gunicorn-sync none",
        "keep_alive_s: gunicorn 75, gunicorn-sync none",
        "requests_per_connection: gunicorn no limit, gunicorn-sync 1",
        "slots: gunicorn 8, gunicorn-sync 1",
    )


def test_alike_deployments_differ_in_nothing(tmp_path: Path) -> None:
    assert manifest_of(tmp_path, {"uvicorn asgi": "", "uvicorn other asgi": ""}).differences == ()


def test_an_environment_that_differs_is_a_difference(tmp_path: Path) -> None:
    found = manifest_of(tmp_path, {"waitress": 'environment = { MODE = "fast" }', "waitress other": ""})
    assert found.differences == ("environment MODE: waitress fast, waitress other none",)


def test_the_processor_is_named_where_the_system_names_it(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n")
    assert read_cpu_model(cpuinfo) == "Some CPU @ 3 GHz"
    cpuinfo.write_text("processor\t: 0\nCPU part\t: 0xd0c\n")
    assert not read_cpu_model(cpuinfo)


def test_every_server_tells_of_all_that_may_differ_between_arms(tmp_path: Path) -> None:
    deployments = manifest_of(tmp_path, dict.fromkeys(ALL, "")).deployments
    assert {one.name for one in deployments} == set(ALL)
    told = {"workers", "threads", "loop", "http_parser", "keep_alive_s", "backlog", "access_log"}
    for one in deployments:
        assert told <= one.settings.keys()
        assert one.settings["access_log"] == "off"
        assert one.cpus == CPUS.server
        assert {"flask", "werkzeug"} <= one.versions.keys()


SECRETS = {"API_KEY": "k1", "auth_token": "t1"}


def test_no_secret_of_a_deployment_is_written_down(tmp_path: Path) -> None:
    values = ", ".join(f'{name} = "hidden-{value}"' for name, value in SECRETS.items())
    found = manifest_of(
        tmp_path,
        {
            "waitress": f'environment = {{ {values}, MODE = "fast" }}',
            "waitress x": "environment = {API_KEY='hidden'}",
        },
    )
    assert found.deployments[0].environment == dict.fromkeys(SECRETS, "***") | {"MODE": "fast"}
    assert "hidden" not in str(asdict(found))


def test_secrets_that_differ_are_a_difference_though_both_are_masked(tmp_path: Path) -> None:
    key = 'environment = { API_KEY = "%s" }'
    found = manifest_of(tmp_path, {"waitress": key % "one", "waitress x": key % "two", "waitress y": ""})
    assert found.differences == (
        "environment API_KEY: waitress ***, waitress x ***",
        "environment API_KEY: waitress ***, waitress y none",
    )
    alike = manifest_of(tmp_path, {"waitress": key % "one", "waitress x": key % "one"})
    assert alike.differences == ()


def test_the_governors_of_the_cpus_used_are_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cpu, governor in enumerate(("performance", "powersave", "performance", "schedutil")):
        folder = tmp_path / f"cpu{cpu}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{governor}\n")
    monkeypatch.setattr(manifest, "_CPU_FOLDER", tmp_path)
    assert (
        manifest_of(tmp_path, {"gunicorn": "", "uvicorn asgi": ""}).cpu_governor == "performance, powersave"
    )


def test_a_machine_that_leaves_the_clock_no_choice_has_no_governor(tmp_path: Path) -> None:
    assert read_governors(tmp_path, [0, 1]) == ()
