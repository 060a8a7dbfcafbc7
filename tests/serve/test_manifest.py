from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

import psutil

from portcompare.serve import CpuAssignment, describe_manifest
from portcompare.serve.keeper import open_files_limit
from portcompare.serve.manifest import find_versions, read_cpu_model
from tests.serve.support import write_plan

if TYPE_CHECKING:
    from pathlib import Path

    from portcompare.model import Manifest

CPUS = CpuAssignment(server=(0, 1), generator=(2,))


def manifest_of(tmp_path: Path, deployments: dict[str, str]) -> Manifest:
    return describe_manifest(write_plan(tmp_path, deployments), CPUS)


def test_the_machine_and_the_software_are_written_down(tmp_path: Path) -> None:
    found = manifest_of(tmp_path, {"gunicorn": "", "uvicorn asgi": ""})
    assert found.portcompare == version("portcompare")
    assert found.python == f"CPython {platform.python_version()}"
    assert found.kernel == f"Linux {platform.release()}"
    assert found.cpu_count == os.cpu_count()
    assert found.memory_bytes == psutil.virtual_memory().total
    assert found.generator_cpus == (2,)
    assert found.libraries["locust"] == version("locust")
    assert {"numpy", "hdrhistogram", "httptools", "gevent"} <= found.libraries.keys()


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
        "keep_alive_s: gunicorn 75, granian asgi 60",
        "slots: gunicorn 8, granian asgi 20000",
        "loop: gunicorn none, granian asgi uvloop",
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
