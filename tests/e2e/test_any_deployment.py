"""Whole commands on what a command of the user's serves, on what runs already, and with setups."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import jsonschema
import pytest

from portcompare.report.formats.results_file import results_schema
from portcompare.serve.ports import find_free_ports
from tests.e2e.processes import are_gone, processes_below, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Start = Callable[..., subprocess.Popen[str]]

SERVICE = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"hello"]
"""

PLAN = """
baseline = {{ url = "{url}" }}
candidates = ["command", "server"]

[apps.service]
directory = "."
target = "service:app"
interface = "wsgi"
setup = ["echo setup {{arm}} >>notes"]
teardown = ["echo teardown {{arm}} >>notes"]

[deployments.command]
app = "service"
command = "python -m waitress --listen {{host}}:{{port}} service:app"

[deployments.server]
app = "service"
server = "waitress"

[scenarios.front]
request = {{ path = "/" }}
load = {{ users = [2] }}

[rounds]
seconds = 0.2
warmup_s = 0.05
min_blocks = 2
max_blocks = 2
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server that somebody else has started."""
    (tmp_path / "service.py").write_text(SERVICE)
    (port,) = find_free_ports("127.0.0.1", 1)
    with subprocess.Popen(
        [sys.executable, "-m", "waitress", "--listen", f"127.0.0.1:{port}", "service:app"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}"), 60)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).text == "hello"
    except httpx.TransportError:
        return False


@pytest.fixture
def service(tmp_path: Path, url: str) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.format(url=url))
    return path


def notes(folder: Path) -> list[str]:
    return (folder / "notes").read_text().splitlines()


def test_a_run_against_what_runs_already_says_what_is_not_known(
    start: Start, service: Path, tmp_path: Path, url: str
) -> None:
    process = start("run", service, "--out", tmp_path / "run", measured=True)
    out, err = process.communicate(timeout=300)
    assert process.returncode in (0, 3), err  # 3: so short a run may be too noisy, and says so
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    jsonschema.Draft202012Validator(results_schema()).validate(results)
    counted = [one for one in results["rounds"] if one["discarded"] is None]
    assert len({one["arm"] for one in counted}) == 4
    for one in counted:
        is_known = one["deployment"] in ("command", "server")
        assert (one["usage"] is not None) == is_known
        assert one["load"]["requests"] > 0
    assert results["parity"]["equal"]
    assert any("the control is no second instance" in warning for warning in results["warnings"])
    assert "not known" in out
    assert "already running" in out
    assert sorted(notes(tmp_path)) == [
        *("setup command", "setup server", "teardown command", "teardown server")
    ]
    assert answers(url)  # it was not ours to end


def test_up_shows_what_it_started_and_what_ran_already(
    start: Start, service: Path, tmp_path: Path, url: str
) -> None:
    process = start("up", service, measured=True)
    assert process.stdout is not None
    addresses: dict[str, str] = {}
    for line in process.stdout:
        if found := re.search(r"(\S+) +(http://127\.0\.0\.1:\d+)", line):
            addresses[found[1]] = found[2]
            assert ("already running" in line) == (found[2] == url)
        if len(addresses) == 3:
            break
    assert addresses[url.removeprefix("http://")] == url
    assert all(map(answers, addresses.values()))
    tree = processes_below(process.pid)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert are_gone(tree)
    assert answers(url)
    assert notes(tmp_path)[2:] == ["teardown server", "teardown command"]


def test_ctrl_c_in_a_setup_undoes_it_and_leaves_nothing_running(
    start: Start, service: Path, tmp_path: Path
) -> None:
    slow = service.read_text().replace('setup = ["', 'setup = ["echo begun >begun; sleep 600", "')
    service.write_text(slow.replace('teardown = ["', 'teardown = ["exit 5", "'))
    process = start("check", service)
    wait_until((tmp_path / "begun").exists, 60)
    tree = processes_below(process.pid)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    wait_until(lambda: are_gone(tree), 30)
    assert notes(tmp_path) == ["teardown command"]
    assert f"{service}: apps.service.teardown.0: ended with status 5" in err
