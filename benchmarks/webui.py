"""What does the web UI cost the load generator, and how long does a viewer wait for the first chart?

    .venv/bin/python -m benchmarks.webui

One worker process loads a raw ASGI callable as fast as it can: in rounds as a run has them, and in tests
under the web UI, in turn. Each test is measured without a viewer, with one, and with two hundred, in another
order each time: what viewers cost is less than what one start of a load generator differs from the next.
Every viewer polls once a second. What limits the rate here is the server, so the CPU time of a request
in all the load generator's processes is measured as well: where they are the limit, the rate depends on it.
Pages are opened beside the same load too, each in a browser profile of its own, so that nothing is cached.
Writes docs/benchmarks.md.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, permutations
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import IO, Any

import httpx
import psutil

from benchmarks.common import header, in_turn, publish, ratios, row, spread, verdict, versions
from benchmarks.generator import SCENARIO, load_once, prepare
from benchmarks.serving import CLIENT_CPU, pinned, raw_target, target
from portcompare.browser import launch_chromium
from portcompare.measure.generator import LoadGenerator, start_generator
from portcompare.serve.running import read_usage
from portcompare.wire.protocol import Gather, OpenUi, ShowState, UiArm, UiPlan, UiScenario, UserLoad

SECONDS, ROUNDS, USERS, MANY = 4.0, 6, 32, 200
WARMUP_S = 3.0
WITHOUT, NOBODY, ONE, HUNDREDS = "without the UI", "without a viewer", "one viewer", f"{MANY} viewers"
VIEWERS = {NOBODY: 0, ONE: 1, HUNDREDS: MANY}
BESIDE = {NOBODY: WITHOUT, ONE: NOBODY, HUNDREDS: NOBODY}
"""What each side is compared with: viewers, with the same test without them."""
LEAST_PRIORITY = 19
COSTS = {NOBODY: 0.03, ONE: 0.01, HUNDREDS: 0.03}
"""What it may cost at most, as part of the rate."""
FIRST_CHART_S = 2.0
"""How long after a page is opened its first chart is to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one load came to.

    Attributes:
        rate_rps: Requests per second.
        cpu_s_per_request: CPU time of the load generator's processes; without the UI, of its worker alone.
        polls_rps: Responses to viewers per second.
    """

    rate_rps: float
    cpu_s_per_request: float
    polls_rps: float = 0.0


def main() -> None:
    """Measure and publish."""
    publish("webui", describe(measure(ROUNDS)))


def measure(rounds: int) -> tuple[dict[str, list[Loaded]], list[float]]:
    """Load the raw ASGI callable without the UI and under it, in turn; then open pages."""
    with target(raw_target()) as url:
        orders = cycle(permutations(VIEWERS))
        live_side = "under the UI"
        sides = in_turn(
            {WITHOUT: lambda: {WITHOUT: run_round(url)}, live_side: lambda: run_live(url, next(orders))},
            rounds,
        )
        loaded = {WITHOUT: [one[WITHOUT] for one in sides[WITHOUT]]}
        loaded |= {name: [one[name] for one in sides[live_side]] for name in VIEWERS}
        return loaded, open_pages(url, rounds)


@contextmanager
def generating() -> Iterator[tuple[LoadGenerator, str]]:
    """A load generator with one worker, and its folder."""
    cpu = (CLIENT_CPU,)
    with (
        tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        start_generator(Path(folder) / "loadgen.log", cpu, Path(folder)) as generator,
    ):
        generator.gather(Gather(workers=1, here=True, cpus=cpu, host="127.0.0.1", port=0), lambda _: None)
        prepare(generator, "/")
        yield generator, folder


def run_round(url: str) -> Loaded:
    """A round, as a run has it, without a web UI."""
    with generating() as (generator, _):
        done = load_once(generator, url, UserLoad(users=USERS), window_s=SECONDS)
    return Loaded(
        rate_rps=done.load.rate_rps, cpu_s_per_request=done.load.generator_cpu_ratio / done.load.rate_rps
    )


@contextmanager
def live(url: str) -> Iterator[tuple[str, httpx.Client]]:
    """A test under the web UI; yields the UI's address and a client of it."""
    arm = UiArm(name="raw", url=url)
    plan = UiPlan(name="benchmark", arms=(arm,), scenarios={SCENARIO: UiScenario(name=SCENARIO)})
    with generating() as (generator, folder):
        ui = generator.open_ui(OpenUi(host="127.0.0.1", port=0, password_hash=None, plan=plan, runs=folder))
        generator.show(ShowState(usage={}))
        with httpx.Client(base_url=ui, trust_env=False, timeout=30) as client:
            client.get("/side-by-side/charts.js")  # what the UI builds when it starts is done then
            form = {"user_count": USERS, "spawn_rate": USERS, "scenario": SCENARIO}
            started = client.post("/swarm", data=form)
            assert started.json()["success"], started.text
            yield ui, client
            client.post("/stop")


def run_live(url: str, order: Iterable[str]) -> dict[str, Loaded]:
    """A test that nobody, one and many look at, one after the other."""
    with live(url) as (ui, client):
        return {name: look(ui, client, VIEWERS[name]) for name in order}


def look(ui: str, client: httpx.Client, viewers: int) -> Loaded:
    """What the load is while so many look at it."""
    with viewed(ui, viewers) as count:
        time.sleep(WARMUP_S)  # the view has the last full second, in which no viewer may have started
        before, polls, used_s, began_s = ask_view(client), count(), read_cpu_s(), time.monotonic()
        time.sleep(SECONDS)
        used_s, lasted_s = read_cpu_s() - used_s, time.monotonic() - began_s
        after, polls = ask_view(client), count() - polls
    requests = [state["rows"][0]["requests"] for state in (before, after)]
    rate_rps = (requests[1] - requests[0]) / (after["length_s"] - before["length_s"])
    return Loaded(
        rate_rps=rate_rps, cpu_s_per_request=used_s / lasted_s / rate_rps, polls_rps=polls / lasted_s
    )


def open_pages(url: str, times: int) -> list[float]:
    """Open the UI so many times while it loads a server; returns when each page had its first chart."""
    opened_s = []
    with live(url) as (ui, _), launch_chromium() as browser:
        time.sleep(WARMUP_S)
        for _ in range(times):
            page = browser.new_page()
            page.goto(ui, wait_until="commit")
            page.wait_for_selector("#sbs-chart-rate_rps canvas")
            opened_s.append(page.evaluate("performance.now()") / 1e3)
            page.close()
    return opened_s


def read_cpu_s() -> float:
    """CPU time of the load generator's processes until now."""
    watchdogs = [one for one in psutil.Process().children() if "portcompare.loadgen" in one.cmdline()]
    return sum(read_usage(one.pid).cpu_s for one in watchdogs)


def ask_view(client: httpx.Client) -> dict[str, Any]:
    """What the view has counted up to its last full second; requested seldom, as that costs something too."""
    state: dict[str, Any] = client.get("/side-by-side.json").json()
    return state


@contextmanager
def viewed(ui: str, viewers: int) -> Iterator[Any]:
    """Viewers in a process of their own, once they have a response each; yields what counts their responses.

    People look from elsewhere. Here they have what the load generator leaves idle of its CPU, at the lowest
    priority, so that what they do themselves takes as little as possible from the load.
    """
    if not viewers:
        yield lambda: 0
        return
    with tempfile.NamedTemporaryFile() as file:
        command = [sys.executable, "-m", "benchmarks.webui", ui, str(viewers), file.name]
        process = subprocess.Popen(pinned(CLIENT_CPU, command))
        try:
            while Path(file.name).stat().st_size < viewers:
                time.sleep(0.1)
            yield lambda: Path(file.name).stat().st_size
        finally:
            process.terminate()
            process.wait(20)


def view(ui: str, viewers: int, count: IO[bytes]) -> None:
    """Send a request a second, each viewer over a connection of its own; writes a byte for each response.

    In one loop over bare sockets, as viewers here take their CPU time where the load is made.
    """
    url = httpx.URL(ui)
    question = (
        f"GET /side-by-side.json HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nAccept-Encoding: gzip\r\n\r\n"
    ).encode()
    queue: deque[Viewer] = deque()
    with DefaultSelector() as selector:
        for place in range(viewers):
            connection = socket.create_connection((url.host, url.port))
            queue.append(Viewer(connection, due_s=time.monotonic() + place / viewers))
            selector.register(connection, EVENT_READ, queue[-1])
        os.nice(LEAST_PRIORITY)
        while True:
            while queue[0].due_s <= time.monotonic():
                queue[0].send(question)
                queue.rotate(-1)
            for key, _ in selector.select(max(queue[0].due_s - time.monotonic(), 0)):
                if key.data.take():
                    count.write(b".")


@dataclass(slots=True)
class Viewer:
    """One connection.

    Attributes:
        connection: The connection.
        due_s: When to send next, by the monotonic clock.
        missing_bytes: What is missing of the response: None before its head is there, 0 if it is whole.
    """

    connection: socket.socket
    due_s: float
    missing_bytes: int | None = 0
    head: bytes = b""

    def send(self, question: bytes) -> None:
        """Send a request, unless the last response is still waited for, and again a second later."""
        self.due_s += 1
        if self.missing_bytes == 0:
            self.connection.sendall(question)
            self.missing_bytes, self.head = None, b""

    def take(self) -> bool:
        """Take what has come; whether the response is whole."""
        data = self.connection.recv(1 << 20)
        if not data:
            sys.exit("the web UI has ended a viewer's connection")
        if self.missing_bytes is None:
            self.head += data
            head, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return False
            self.missing_bytes = int(head.lower().partition(b"content-length:")[2].split()[0])
        self.missing_bytes -= len(data)
        return self.missing_bytes == 0


def describe(measured: tuple[dict[str, list[Loaded]], list[float]]) -> list[str]:
    """The figures as Markdown."""
    found, opened_s = measured
    names = ("beside", "requests/s", "ratio", "CPU time a request, us", "ratio", "may cost")
    lines = header("side", *names, "rate", "CPU time", "responses to viewers/s")
    for name, loaded in found.items():
        beside = BESIDE.get(name, name)
        cells, verdicts = [name, beside], []
        for what, scale in (("rate_rps", 1.0), ("cpu_s_per_request", 1e6)):
            own, theirs = ([getattr(one, what) for one in side] for side in (loaded, found[beside]))
            ratio = ratios(own, theirs)
            change = statistics.median(ratio) if what == "rate_rps" else 1 / statistics.median(ratio)
            cells += [spread(scale * one for one in own), spread(ratio)]
            verdicts.append(verdict(met=change >= 1 - COSTS[name]) if name in COSTS else "")
        may_cost = f"{COSTS[name]:.0%}" if name in COSTS else ""
        lines.append(row(*cells, may_cost, *verdicts, spread(one.polls_rps for one in loaded)))
    is_early = verdict(met=statistics.median(opened_s) <= FIRST_CHART_S)
    first = f"The first chart is seen {spread(opened_s)} s after a page is opened, of {len(opened_s)} pages"
    return [
        *lines,
        "",
        f"{len(found[WITHOUT])} rounds of {SECONDS:g} s, {USERS} users. {versions('locust', 'uvicorn')}.",
        "",
        f"{first}: at most {FIRST_CHART_S:g} s, {is_early}.",
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with Path(sys.argv[3]).open("ab", buffering=0) as responses:
            view(sys.argv[1], int(sys.argv[2]), responses)
    else:
        main()
