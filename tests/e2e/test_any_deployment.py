"""Whole commands on what a command of the user's serves, what runs already, setups and workers."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema
import pytest

from docs.generate import record_schema
from portcompare.serve.ports import find_free_ports
from tests.e2e.conftest import TWO_BLOCKS, Start, read_results
from tests.e2e.processes import are_gone, processes_below, wait_until

# Sends another body if DEFECT says so: always, or only while it serves another request.
SERVICE = """
import os, time
DEFECT = os.environ.get("DEFECT")
SERVED = []

def app(environ, start_response):
    SERVED.append(environ)
    if DEFECT == "under load":
        time.sleep(0.005)
    is_other = DEFECT == "always" or (DEFECT == "under load" and len(SERVED) > 1)
    SERVED.pop()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"other" if is_other else b"hello"]
"""

PLAN = """
baseline = {{ url = "{url}" }}
candidates = ["command", "server", "allowed", "mixed-up"]

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

[deployments.allowed]
app = "service"
server = "waitress"
environment = {{ DEFECT = "always" }}

[deployments.mixed-up]
app = "service"
server = "waitress"
environment = {{ DEFECT = "under load" }}

[[parity.allow]]
reason = "meant"
deployment = "allowed"

[scenarios.front]
request = {{ path = "/" }}
load = {{ users = [8] }}

"""
STARTED = ["allowed", "command", "mixed-up", "server"]


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
        wait_until(lambda: responds(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def responds(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).text == "hello"
    except httpx.TransportError:
        return False


@pytest.fixture
def service(tmp_path: Path, url: str) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.format(url=url) + TWO_BLOCKS)
    return path


def notes(folder: Path) -> list[str]:
    return (folder / "notes").read_text().splitlines()


def test_a_run_discards_wrong_bodies_and_says_what_is_not_known_of_what_runs_already(
    start: Start, service: Path, tmp_path: Path, url: str
) -> None:
    process = start("run", service, "--out", tmp_path / "run", "--verbose", measured=True)
    out, err = process.communicate(timeout=300)
    assert process.returncode in (0, 3), err  # 3: so short a run may be too noisy, and says so
    results = read_results(tmp_path / "run")
    jsonschema.Draft202012Validator(record_schema("results")).validate(results)
    assert any("mixed-up" in warning and "wrong body" in warning for warning in results["warnings"])
    for one in results["rounds"]:
        is_wrong = one["arm"] == "mixed-up"
        assert ("wrong body" in (one["discarded"] or "")) == is_wrong
        assert any("wrong body" in kind for kind in one["load"]["error_kinds"]) == is_wrong
    counted = [one for one in results["rounds"] if one["discarded"] is None]
    assert {one["arm"] for one in counted} == {"baseline", "control", *STARTED} - {"mixed-up"}
    for one in counted:
        assert (one["usage"] is not None) == (one["deployment"] in STARTED)
        assert one["load"]["requests"] > 0
    assert results["parity"]["verdict"] == "alike"
    assert {one["deployment"] for one in results["parity"]["differences"]} == {"allowed"}
    assert any("the control is no second instance" in warning for warning in results["warnings"])
    assert "not known" in out
    assert "already running" in out
    done = [f"{what} {name}" for what in ("setup", "teardown") for name in STARTED]
    assert sorted(notes(tmp_path)) == done
    assert responds(url)  # it was not ours to end


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
        if len(addresses) == 1 + len(STARTED):
            break
    assert addresses[url.removeprefix("http://")] == url
    assert responds(addresses["command"])
    assert responds(addresses["server"])
    uses = (line for line in process.stdout if re.search(r"[0-9.]+ CPUs +[0-9.]+ MiB", line))
    assert {next(uses).split()[0] for _ in STARTED} == {*STARTED}
    tree = processes_below(process.pid)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)
    assert process.returncode == 130
    assert are_gone(tree)
    assert responds(url)
    assert notes(tmp_path)[4:] == [
        f"teardown {name}" for name in ("mixed-up", "allowed", "server", "command")
    ]


def test_ctrl_c_in_a_setup_undoes_it_and_leaves_nothing_running(
    start: Start, service: Path, tmp_path: Path
) -> None:
    slow = service.read_text().replace('setup = ["', 'setup = ["echo begun >begun; sleep 600", "')
    service.write_text(slow.replace('teardown = ["', 'teardown = ["exit 5", "'))
    process = start("check", service)
    wait_until((tmp_path / "begun").exists)
    tree = processes_below(process.pid)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    wait_until(lambda: are_gone(tree))
    assert notes(tmp_path) == ["teardown command"]
    assert f"{service}: apps.service.teardown.0: ended with status 5" in err


def test_workers_generate_the_load_of_a_run(start: Start, plan: Path, tmp_path: Path) -> None:
    before, _, rest = plan.read_text().partition("[scenarios.fast]")
    health = '[scenarios.health]\nrequest = { path = "/healthz" }\nload = { users = [2] }\n'
    plan.write_text(f"{before}{health}\n[rounds]{rest.partition('[rounds]')[2]}")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    leader = start(
        "run", plan, "--out", tmp_path / "run", "--expect-workers", "2", "--listen", listen, "--budget", "25s"
    )
    workers = [start("worker", "--master", listen) for _ in range(2)]
    _, err = leader.communicate(timeout=300)
    assert leader.returncode in (0, 3), err  # 3: the budget is not enough for a verdict
    assert f"waiting for load workers at {listen}; joined: none yet" in err
    results = read_results(tmp_path / "run")
    assert not results["partial"]
    assert results["rounds"]
    for one in results["rounds"]:
        assert one["discarded"] is None or "worker" not in one["discarded"]
        assert len(one["load"]["generator_cpu_ratios"]) == 2
    for worker in workers:
        _, said = worker.communicate(timeout=300)
        assert worker.returncode == 0
        assert "joined the run" in said
        assert said.splitlines()[-1] == "the run is over"
