"""The real load-generator process, driven by orders as the harness drives it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from portcompare.http.requests import http_request
from portcompare.wire.protocol import (
    Capture,
    Captured,
    CloseWindow,
    Gather,
    Joined,
    Message,
    Prepare,
    Prepared,
    RateLoad,
    RoundDone,
    RunRound,
    ScenarioSource,
    UserLoad,
    WindowOpens,
    decode,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from portcompare.records.requests import Expectation, RequestSpec

GET = http_request("/", name="the request")


class Generator:
    """The process.

    Attributes:
        process: As started; its standard error goes to the log.
        window: The window announced last.
        tries: How often the last round was measured, with users and connections of its own each time.
    """

    def __init__(self, log_path: Path) -> None:
        self._log_path = log_path
        self.window = WindowOpens(start_s=0.0, end_s=0.0)
        self.tries = 0
        with log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portcompare.loadgen"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    @property
    def log(self) -> str:
        """What the process has written to its standard error."""
        return self._log_path.read_text(encoding="utf-8")

    def send(self, order: Message) -> None:
        """Give an order."""
        assert self.process.stdin is not None
        self.process.stdin.write(encode(order).encode())
        self.process.stdin.flush()

    def receive(self) -> Message:
        """The next line on the process's standard output, which must be a message."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the load generator ended:\n{self.log[-3000:]}"
        return decode(line)

    def gather(self, *, start: int = 0, expect: int = 0, port: int = 0) -> Iterator[Joined]:
        """Leave the load to workers; yields what is said of them until all have joined or nobody can."""
        cpus = tuple(os.sched_getaffinity(0))
        expect = expect or start
        self.send(Gather(workers=expect, here=start > 0, cpus=cpus, host="127.0.0.1", port=port))
        joined: tuple[str, ...] = ()
        while len(joined) < expect:
            reply = self.receive()
            assert isinstance(reply, Joined)
            yield reply
            if reply.problem:
                return
            joined = reply.workers

    def prepare(
        self, locustfile: Path | None = None, **scenarios: str | RequestSpec | ScenarioSource
    ) -> Prepared:
        """Have scenarios loaded: user classes by name, requests, or what else there can be."""
        sources = {
            name: source if isinstance(source, ScenarioSource) else _source_of(source)
            for name, source in scenarios.items()
        }
        self.send(Prepare(locustfile=str(locustfile) if locustfile else None, scenarios=sources))
        prepared = self.receive()
        assert isinstance(prepared, Prepared)
        return prepared

    def capture(self, url: str, scenario: str = "scenario") -> Captured:
        """Have one user of a prepared scenario run for a moment."""
        self.send(Capture(scenario=scenario, url=url))
        captured = self.receive()
        assert isinstance(captured, Captured)
        return captured

    def run(
        self,
        url: str,
        request: RequestSpec = GET,
        *,
        users: int = 1,
        window_s: float = 0.2,
        timeout_s: float = 20.0,
        expect: Expectation | None = None,
    ) -> RoundDone:
        """Have one request sent to a server for a while."""
        prepared = self.prepare(scenario=request)
        assert prepared == Prepared(requests={"scenario": (request,)}, problems={})
        expectations = {0: expect} if expect else {}
        return self.run_round(
            url,
            users=users,
            window_s=window_s,
            timeout_s=timeout_s,
            expectations=expectations,
        )

    def run_round(  # noqa: PLR0913 - the knobs of a round
        self,
        url: str,
        *,
        scenario: str = "scenario",
        users: int = 1,
        rate: RateLoad | None = None,
        window_s: float = 0.2,
        timeout_s: float = 20.0,
        delay_s: float = 0.0,
        warmup_s: float = 0.03,
        warmup_max_s: float = 10.0,
        expectations: dict[int, Expectation] | None = None,
        is_held: bool = False,
        on_window: Callable[[WindowOpens], None] = lambda _: None,
    ) -> RoundDone:
        """Have a prepared scenario run for a while; once more if the machine stood still all the while."""
        order = RunRound(
            scenario=scenario,
            url=url,
            load=rate or UserLoad(users=users),
            delay_s=delay_s,
            warmup_s=warmup_s,
            warmup_max_s=warmup_max_s,
            window_s=window_s,
            timeout_s=timeout_s,
            expectations=expectations or {},
            is_held=is_held,
        )
        for self.tries in (1, 2):
            done = self._round(order, on_window)
            if done.load.requests or done.load.error_kinds or done.load.failure is not None:
                break
        return done

    def _round(self, order: RunRound, on_window: Callable[[WindowOpens], None]) -> RoundDone:
        self.send(order)
        opens = self.receive()
        assert isinstance(opens, WindowOpens)
        self.window = opens
        on_window(opens)
        if order.is_held:
            self.send(CloseWindow())
        done = self.receive()
        assert isinstance(done, RoundDone)
        return done

    def end(self) -> int:
        """End the orders.

        Returns:
            The process's exit code.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.close()
            return self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


def _source_of(source: str | RequestSpec) -> ScenarioSource:
    if isinstance(source, str):
        return ScenarioSource(user=source)
    return ScenarioSource(requests=((source, 1.0),))
