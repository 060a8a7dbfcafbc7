"""The real load-generator process, driven by orders as the harness drives it."""

import base64
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
from hdrh.histogram import HdrHistogram

from portcompare.http.requests import http_request
from portcompare.measure.generator import LoadGenerator
from portcompare.records.requests import Expectation, Format, RequestSpec, Shape
from portcompare.records.rounds import LoadReport, WorkerChange
from portcompare.wire import protocol as wire
from portcompare.wire.protocol import (
    Captured,
    Joined,
    Load,
    Prepared,
    RunRound,
    ScenarioSource,
    UserLoad,
    WindowOpens,
)
from tests.e2e.processes import wait_until

GET = http_request("/", name="the request")


def expect(body: bytes, *masked: str, own_address: bool = False, status: int = 200) -> Expectation:
    """A body of JSON whose numbers at some places differ by themselves; without any, of the same bytes."""
    return Expectation(
        status=status,
        body_base64=base64.b64encode(body).decode(),
        own_address=own_address,
        format=Format(name="json") if masked else None,
        masks=dict.fromkeys(masked, Shape(types=("number",))),
    )


def counts_of(histogram: HdrHistogram | str) -> Counter[int]:
    """How often each value, in microseconds, is in a histogram, which may be encoded."""
    decoded = HdrHistogram.decode(histogram) if isinstance(histogram, str) else histogram
    counts = np.ctypeslib.as_array(decoded.counts)
    return Counter({decoded.get_value_from_index(int(at)): int(counts[at]) for at in np.flatnonzero(counts)})


def round_of(url: str, *, users: int = 1, load: Load | None = None, **settings: Any) -> RunRound:  # noqa: ANN401 - of a round
    """A round of a prepared scenario, with these settings instead of the usual ones."""
    usual: dict[str, Any] = {
        "scenario": "scenario",
        "delay_s": 0.0,
        "warmup_s": 0.03,
        "warmup_max_s": 30.0,
        "window_s": 0.2,
        "timeout_s": 20.0,
        "expectations": {},
    }
    return RunRound(url=url, load=load or UserLoad(users=users), **usual | settings)


class Generator:
    """The process."""

    def __init__(self, log_path: Path, *command: str) -> None:
        self._log_path = log_path
        self.window = WindowOpens(start_s=0.0, end_s=0.0)  # The one announced last
        self.histogram = ""  # Of the last round
        self.changes: list[WorkerChange] = []  # Of its load workers
        with log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *(command or ("-m", "portcompare.loadgen"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        process: Any = SimpleNamespace(
            stdin=self.process.stdin,
            stdout=self.process.stdout,
            request_stop=self.process.kill,
            log_tail=lambda: self.log[-3000:],
        )
        self.harness = LoadGenerator(process)  # Its side of the harness
        self.harness.on_worker = self.changes.append

    @property
    def log(self) -> str:
        """What the process has written to its standard error."""
        return self._log_path.read_text(encoding="utf-8")

    def gather(
        self,
        *,
        start: int = 0,
        expect: int = 0,
        port: int = 0,
        on_joined: Callable[[Joined], object] = lambda _: None,
    ) -> tuple[str, ...]:
        """Leave the load to workers; returns their names once all have joined."""
        names: list[tuple[str, ...]] = []

        def note(joined: Joined) -> None:
            names.append(joined.workers)
            on_joined(joined)

        cpus = tuple(os.sched_getaffinity(0))
        workers = expect or start
        order = wire.Gather(workers=workers, here=start > 0, cpus=cpus, host="127.0.0.1", port=port)
        self.harness.gather(order, note)
        return names[-1]

    def prepare(
        self, locustfile: Path | None = None, **scenarios: str | RequestSpec | ScenarioSource
    ) -> Prepared:
        sources = {name: _source_of(source) for name, source in scenarios.items()}
        return self.harness.prepare(
            wire.Prepare(locustfile=str(locustfile) if locustfile else None, scenarios=sources)
        )

    def capture(self, url: str, scenario: str = "scenario") -> Captured:
        return self.harness.capture(wire.Capture(scenario=scenario, url=url))

    def run(self, url: str, request: RequestSpec = GET, **settings: Any) -> LoadReport:  # noqa: ANN401 - of `round_of`
        prepared = self.prepare(scenario=request)
        assert (prepared.requests, prepared.problems) == ({"scenario": (request,)}, {})
        return self.run_round(url, **settings)

    def run_round(
        self,
        url: str,
        *,
        on_window: Callable[[WindowOpens], object] = lambda _: None,
        until: Callable[[], object] | None = None,
        **settings: Any,  # noqa: ANN401 - of `round_of`
    ) -> LoadReport:
        """Have a round run, its window held open until a condition holds if there is one.

        Without a condition it runs once more if the machine stood still in all of its window.
        """
        if until is not None:
            settings |= {"is_held": True, "window_s": 100.0}
        order = round_of(url, **settings)
        for _ in range(2):
            load = self._round(order, on_window, until)
            if load.requests or load.error_kinds or load.failure is not None:
                break
        return load

    def _round(
        self, order: RunRound, on_window: Callable[[WindowOpens], object], until: Callable[[], object] | None
    ) -> LoadReport:
        self.window = opens = self.harness.begin_round(order)
        on_window(opens)
        if until is not None:
            wait_until(lambda: until() and time.perf_counter() > opens.start_s + 0.1, 90)
        if order.is_held:
            self.harness.close_window()
        done = self.harness.end_round()
        self.histogram = done.histogram
        return done.load

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> int:
        """End the orders; returns the process's exit code."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.close()
            return self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def _source_of(source: str | RequestSpec | ScenarioSource) -> ScenarioSource:
    if isinstance(source, ScenarioSource):
        return source
    if isinstance(source, str):
        return ScenarioSource(user=source)
    return ScenarioSource(requests=((source, 1.0),))
