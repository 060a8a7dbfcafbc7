"""The same tabs in plain Locust, in one process and in several."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from portcompare.serve.ports import find_free_ports
from tests.e2e.processes import wait_until
from tests.loadgen.plain import LOCUSTFILE
from tests.loadgen.scripted import OK, responding, serve


@pytest.mark.parametrize("several", [(), ("--processes", "2")], ids=["alone", "several"])
def test_plain_locust_shows_its_targets_side_by_side(several: tuple[str, ...], tmp_path: Path) -> None:
    ports = [str(port) for port in find_free_ports("127.0.0.1", 2)]
    play = responding(OK, delay_s=0.01)
    with serve(play) as flask, serve(play) as quart:
        urls = ("--flask-url", flask.url, "--quart-url", quart.url)
        where = ("--web-host", "127.0.0.1", "--web-port", ports[0])
        master = ("--master-bind-port", ports[1], "--master-port", ports[1]) if several else ()
        command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *where, *urls, *several, *master]
        with (
            subprocess.Popen([*command, "Fast"], stdin=subprocess.DEVNULL, cwd=tmp_path) as process,
            httpx.Client(base_url=f"http://127.0.0.1:{ports[0]}", trust_env=False, timeout=60) as client,
        ):
            try:
                wait_until(lambda: is_ready(client, 2 if several else 0), 60)
                assert '"side-by-side"' in client.get("/").text
                started = client.post("/swarm", data={"user_count": "4", "spawn_rate": "4"})
                assert started.json()["success"]
                wait_until(lambda: min(len(flask.requests), len(quart.requests)) > 100, 60)
                client.post("/stop")
                wait_until(lambda: shown(client)["state"] == "stopped", 60)
                counted = {row["arm"]: row["requests"] for row in shown(client)["rows"]}
                for name, server in (("flask", flask), ("quart", quart)):
                    assert len(server.requests) - 4 <= counted[name] <= len(server.requests)
                assert {row["scenario"] for row in shown(client)["rows"]} == {"Fast"}
                assert client.get("/side-by-side").status_code == 200
                assert not shown(client)["can_measure"]
            finally:
                process.terminate()
                process.wait(30)


def shown(client: httpx.Client) -> dict[str, Any]:
    shown: dict[str, Any] = client.get("/side-by-side.json").json()
    return shown


def is_ready(client: httpx.Client, workers: int) -> bool:
    try:
        return bool(client.get("/worker-count").json()["worker_count"] == workers)
    except httpx.TransportError:
        return False
