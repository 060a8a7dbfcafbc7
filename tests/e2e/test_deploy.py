"""The services of deploy/compose.yaml as processes: each on a loopback address that stands for its name."""

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy.support import DEPLOY, IMAGES, ROOT, read_compose
from tests.e2e.processes import are_gone, processes_below, wait_until

PASSWORD = "correct horse"  # noqa: S105 - of this test alone
WORKERS = 3


class Topology:
    """The services, started with what the compose file and the container files say."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._services = read_compose({"PORTCOMPARE_UI_PASSWORD": PASSWORD})["services"]
        self._images = {
            name: IMAGES[Path(service["build"]["dockerfile"]).stem]
            for name, service in self._services.items()
        }
        network = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}"  # noqa: S311 - as ports are fixed
        self.addresses = {name: f"{network}.{place}" for place, name in enumerate(self._services, 1)}
        self.processes: dict[str, list[subprocess.Popen[bytes]]] = {}
        (folder / "plan.toml").write_text(self._on_loopback("leader", (DEPLOY / "plan.toml").read_text()))

    def start(self, name: str) -> None:
        service, image = self._services[name], self._images[name]
        command = image.words_of("ENTRYPOINT") + service.get("command", image.words_of("CMD"))
        replicas = int(service.get("deploy", {"replicas": 1})["replicas"])
        self.processes[name] = [self._begin(name, command) for _ in range(replicas)]

    def await_health(self, name: str) -> None:
        own = self._services[name].get("healthcheck", {"test": ["CMD"]})["test"]
        check = own[1:] or self._images[name].words_of("HEALTHCHECK")
        process = self.processes[name][0]
        while self._begin(name, check).wait(60) and process.poll() is None:
            time.sleep(0.5)  # each check takes CPU time from what is to become healthy
        assert process.poll() is None, (self._folder / f"{name}.log").read_text()

    def _begin(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        python, *words = [self._on_loopback(name, word) for word in command]
        assert python == "python"
        environment = {key: value for key, value in os.environ.items() if "COVERAGE" not in key}
        environment |= {"PYTHONPATH": str(ROOT)} | self._services[name].get("environment", {})
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *words], cwd=self._folder, env=environment, stdout=log, stderr=log
            )

    def _on_loopback(self, name: str, text: str) -> str:
        """Give a service its own address instead of all, and the others' instead of their names."""
        text = re.sub(r"\b(0\.0\.0\.0|127\.0\.0\.1)\b", self.addresses[name], text)
        for host, address in self.addresses.items():
            text = re.sub(rf"(//|=){host}(\.load)?(?=:|$)", rf"\g<1>{address}", text)
        return text


@pytest.fixture
def topology(tmp_path: Path) -> Iterator[Topology]:
    topology = Topology(tmp_path)
    yield topology
    for process in [one for processes in topology.processes.values() for one in processes]:
        process.kill()
        process.wait()


def test_the_services_find_each_other_load_both_twins_and_end(topology: Topology) -> None:
    for name in ("flask", "quart"):
        topology.start(name)
    for name in ("flask", "quart"):
        topology.await_health(name)
    topology.start("leader")
    topology.start("worker")
    topology.await_health("leader")
    with httpx.Client(
        base_url=f"http://{topology.addresses['leader']}:8089", trust_env=False, timeout=60
    ) as client:
        assert client.get("/side-by-side.json").status_code == 401
        client.post("/login/password", data={"password": PASSWORD})
        reply = client.post("/swarm", data={"user_count": "12", "spawn_rate": "100", "scenario": "fast"})
        assert reply.json()["success"], reply.text

        def is_loaded() -> bool:
            rows: list[dict[str, Any]] = client.get("/side-by-side.json").json()["rows"]
            counts = {row["arm"]: row["requests"] for row in rows if not row["failures"]}
            workers = client.get("/stats/requests").json()["workers"]
            sharing = [worker for worker in workers if worker["user_count"]]
            return (
                counts.keys() == {"flask", "quart"} and min(counts.values()) > 50 and len(sharing) == WORKERS
            )

        wait_until(is_loaded)
    names = reversed(topology.processes)  # as `docker compose down`: first what depends on others
    started = [process for name in names for process in topology.processes[name]]
    below = [child for process in started for child in processes_below(process.pid)]
    for process in started:
        process.terminate()
        process.wait(60)
    wait_until(lambda: are_gone(below))
