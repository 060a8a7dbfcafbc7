"""How far does a core of the load generator go, and what would a million requests a second take?

    .venv/bin/python -m benchmarks.scale

Measures what a request costs a load-generator process, alone and as one of two that share a CPU; what 1, 8
and 32 workers cost their leader under the live view; what one core of each twin serves; and what a request is
on the wire. Computes from these what higher rates need. Writes docs/scale.md in four minutes.
"""

import math
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from benchmarks.common import HERE, header, publish, row, spread, versions
from benchmarks.generator import SCENARIO, prepare
from benchmarks.peers import portcompare_load
from benchmarks.serving import (
    CLIENT_CPU,
    SERVER_CPU,
    flask_target,
    null_target,
    pinned,
    target,
    twin_target,
)
from benchmarks.webui import ask_view, read_cpu_s
from portcompare.cli.load import LIMITS
from portcompare.doctor.ceiling import USERS, measure_ceiling
from portcompare.doctor.judgement import why_untrusted
from portcompare.http.requests import encode_request, http_request
from portcompare.measure.generator import start_generator
from portcompare.units import count
from portcompare.wire.protocol import Gather, OpenUi, ShowState, UiArm, UiPlan, UiScenario

ROUNDS, SECONDS, LEADING_S, EXCHANGES = 3, 2.0, 5.0, 200
PROCESSES, WORKERS = 2, (1, 8, 32)
WORKER_RPS = 500.0  # what each of the led workers sends: enough for histograms of many counts
RATES_RPS = (10_000, 100_000, 1_000_000)
DELAY_S = 0.2  # how long the slow responses take for which connections are computed
FRAME_BYTES = 90  # Ethernet with preamble, checksum and gap 38, IPv4 20, TCP with timestamps 32
TCP_INFO_SEGMENTS = struct.Struct("=136x2I")  # tcpi_segs_out and tcpi_segs_in, of Linux's linux/tcp.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round measured."""

    closed_rps: float  # One process, as fast as it can
    trusted_rps: float  # One process, the highest open rate within the limits of a run
    shared: float  # CPU time of a request in two processes on one CPU, divided by that in one
    leader: dict[int, float]  # The leader's CPU seconds a second, by the number of its workers
    flask_rps: float  # One core of each twin
    quart_rps: float

    @property
    def worker_s(self) -> float:
        """What a further worker costs the leader, in CPU seconds a second."""
        few, many = WORKERS[0], WORKERS[-1]
        return (self.leader[many] - self.leader[few]) / (many - few)

    def workers(self, rate_rps: float) -> int:
        """How many workers a rate needs."""
        return math.ceil(rate_rps / self.trusted_rps * self.shared)

    def leader_s(self, rate_rps: float) -> float:
        """What leading them costs, in CPU seconds a second."""
        return self.leader[WORKERS[0]] + self.worker_s * (self.workers(rate_rps) - WORKERS[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """All that was measured."""

    rounds: Sequence[Round]
    sent_bytes: float  # Of a request to /data on the wire, with all headers and acknowledgements
    received_bytes: float


def main() -> None:
    """Measure and publish."""
    publish("scale", describe(measure(ROUNDS)), page=HERE.parent / "docs" / "scale.md")


def measure(rounds: int) -> Scale:
    """Measure all of it, round by round."""
    found = []
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr)
        with null_target() as url:
            closed_rps, trusted_rps = measure_core(url)
            one_s, two_s = (cpu_s_per_request(url, processes) for processes in (1, PROCESSES))
            leader = {workers: lead(url, workers) for workers in WORKERS}
        with target(flask_target()) as url:
            flask_rps = rate_of(url)
        with target(twin_target()) as url:
            quart_rps = rate_of(url)
            sent_bytes, received_bytes = count_bytes(url)
        found.append(
            Round(
                closed_rps=closed_rps,
                trusted_rps=trusted_rps,
                shared=two_s / one_s,
                leader=leader,
                flask_rps=flask_rps,
                quart_rps=quart_rps,
            )
        )
    return Scale(rounds=found, sent_bytes=sent_bytes, received_bytes=received_bytes)


def measure_core(url: str) -> tuple[float, float]:
    """The rate of one process in the closed model, and the highest open one that can be trusted."""
    with (
        tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        start_generator(Path(folder, "loadgen.log"), (CLIENT_CPU,), Path(folder)) as generator,
    ):
        ceiling = measure_ceiling(
            generator, url, why_untrusted=lambda done: why_untrusted(done, LIMITS), on_step=lambda _: None
        )
    if ceiling.trusted_rps is None:
        sys.exit(f"no rate can be trusted here and now: {ceiling.untrusted_reason}")
    return ceiling.closed_rps, ceiling.trusted_rps


def cpu_s_per_request(url: str, processes: int) -> float:
    """CPU time of a request in all processes, which share one CPU."""
    options = ("--users", str(USERS), "--seconds", str(SECONDS), "--processes", str(processes))
    found = portcompare_load(url, *options)
    return float(sum(found["generator"]["cpu_ratios"].values()) / found["rate_rps"])


def rate_of(url: str) -> float:
    """What a server on one core serves."""
    found = portcompare_load(f"{url}/data", "--users", str(USERS), "--seconds", str(SECONDS))
    return float(found["rate_rps"])


def lead(url: str, workers: int) -> float:
    """The leader's CPU seconds a second, while its workers send and it counts for the live view."""
    started: list[subprocess.Popen[bytes]] = []

    def start_once_it_listens(address: str) -> None:
        if not started:
            client = [sys.executable, "-m", "benchmarks.clients.many_workers"]
            command = pinned(SERVER_CPU, [*client, address.rpartition(":")[2], str(workers)])
            started.append(subprocess.Popen(command))

    arm = UiArm(name="null", url=url)
    plan = UiPlan(name="benchmark", arms=(arm,), scenarios={SCENARIO: UiScenario(name=SCENARIO)})
    order = Gather(workers=workers, here=False, cpus=(CLIENT_CPU,), host="127.0.0.1", port=0)
    with (
        tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        start_generator(Path(folder, "loadgen.log"), (CLIENT_CPU,), Path(folder)) as generator,
    ):
        generator.gather(order, lambda joined: start_once_it_listens(joined.address))
        prepare(generator, "/")
        ui = generator.open_ui(OpenUi(host="127.0.0.1", port=0, password_hash=None, plan=plan, runs=folder))
        generator.show(ShowState(usage={}))
        with httpx.Client(base_url=ui, trust_env=False, timeout=30) as client:
            form = {"user_count": workers, "spawn_rate": workers, "scenario": SCENARIO, "load": "open"}
            reply = client.post("/swarm", data=form | {"rate": WORKER_RPS * workers})
            assert reply.json()["success"], reply.text
            warm = 2 * WORKER_RPS * workers
            while sum(line["requests"] for line in ask_view(client)["rows"]) < warm:
                time.sleep(0.5)
            used_s, began_s = read_cpu_s(), time.monotonic()
            time.sleep(LEADING_S)
            used_s, lasted_s = read_cpu_s() - used_s, time.monotonic() - began_s
            client.post("/stop")
    started[0].wait(20)
    return used_s / lasted_s


def count_bytes(url: str) -> tuple[float, float]:
    """What a request to /data and its response are on the wire, on a connection that is kept."""
    address = urlsplit(url)
    request = encode_request(http_request("/data"), address.netloc)
    received_bytes = 0
    with socket.create_connection((address.hostname, address.port)) as connection:
        before = read_segments(connection)
        for _ in range(EXCHANGES):
            connection.sendall(request)
            response = b""
            while not response.endswith(b"}\n"):
                response += connection.recv(65536)
            received_bytes += len(response)
        after = read_segments(connection)
    out, back = ((late - early) * FRAME_BYTES for early, late in zip(before, after, strict=True))
    return len(request) + out / EXCHANGES, (received_bytes + back) / EXCHANGES


def read_segments(connection: socket.socket) -> tuple[int, int]:
    """How many TCP segments were sent and received."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SEGMENTS.size)
    out, back = TCP_INFO_SEGMENTS.unpack(info)
    return out, back


def describe(scale: Scale) -> list[str]:
    """The figures as Markdown, and what follows from them."""
    rounds, wire = scale.rounds, (scale.sent_bytes, scale.received_bytes)
    lines = header("measured", "median of the rounds (least to greatest)")
    lines += [
        row(f"requests/s of one process, {USERS} users", spread(one.closed_rps for one in rounds)),
        row(
            "requests/s of one process, open load that can be trusted",
            spread(one.trusted_rps for one in rounds),
        ),
        row(
            f"CPU time of a request in {PROCESSES} processes on one CPU / in one",
            spread(one.shared for one in rounds),
        ),
    ]
    for workers in WORKERS:
        used = spread(1e3 * one.leader[workers] for one in rounds)
        lines.append(row(f"leader of {count(workers, 'worker')}, CPU ms a second", used))
    lines += [
        row("leader, CPU ms a second for each further worker", spread(1e3 * one.worker_s for one in rounds)),
        row("requests/s of one core, Flask on gunicorn", spread(one.flask_rps for one in rounds)),
        row("requests/s of one core, Quart on uvicorn", spread(one.quart_rps for one in rounds)),
        row("bytes of a request and its response on the wire", " and ".join(f"{size:.0f}" for size in wire)),
        "",
    ]
    lines += header(
        *(
            "requests/s",
            "workers, a core each",
            "leader, CPU ms a second",
            "Gbit/s to the servers",
            "Gbit/s back",
        ),
        *(f"connections at {DELAY_S:g} s", "cores for Flask", "cores for Quart"),
    )
    for rate_rps in RATES_RPS:
        cells = [
            spread(one.workers(rate_rps) for one in rounds),
            spread(1e3 * one.leader_s(rate_rps) for one in rounds),
            *(f"{8e-9 * rate_rps * size:.3g}" for size in wire),
            f"{rate_rps * DELAY_S:,.0f}",
            spread(math.ceil(rate_rps / one.flask_rps) for one in rounds),
            spread(math.ceil(rate_rps / one.quart_rps) for one in rounds),
        ]
        lines.append(row(f"{rate_rps:,}", *cells))
    return [*lines, "", f"{count(len(rounds), 'round')}. {versions('locust', 'gunicorn', 'uvicorn')}."]


if __name__ == "__main__":
    main()
