"""The load-generator process, as the harness sees it: started once, driven by orders, ended with the run."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Timer
from typing import TypeVar

from portcompare.errors import InputError, LoadGeneratorError, Problem
from portcompare.plan import OpenLoad, Plan
from portcompare.serve import Supervised, start_supervised
from portcompare.wire.protocol import (
    Capture,
    Captured,
    CloseWindow,
    Gather,
    Joined,
    Message,
    OpenUi,
    Prepare,
    Prepared,
    RoundDone,
    RunRound,
    ScenarioSource,
    ShowState,
    UiOpened,
    UiRequest,
    WindowOpens,
    decode,
    encode,
)

Reply = TypeVar("Reply", Joined, Prepared, Captured, WindowOpens, RoundDone, UiOpened, UiRequest)


PREPARE_LIMIT_S = 30.0  # to load a locustfile
CAPTURE_LIMIT_S = 60.0  # for the dry pass of a user class; it ends much sooner if the class lets it
# What a round may take beside its warm-up and its window: to start thousands of users, and to stop them.
ROUND_GRACE_S = 60.0


class LoadGenerator:
    """The running process.

    Each method sends an order. It raises LoadGeneratorError, with the last log lines, if the process ended,
    sent a reply out of turn, or took too long.
    """

    def __init__(self, process: Supervised) -> None:
        self._process = process
        self._window_s = 0.0

    def gather(self, order: Gather, on_joined: Callable[[Joined], None]) -> None:
        """Have worker processes generate the load, and wait until all have joined, without a limit.

        Raises InputError if no worker can join.
        """
        self._send(order)
        joined = 0
        while joined < order.workers:
            reply = self._receive(Joined)
            if reply.problem is not None:
                found, remedy = reply.problem
                raise InputError([Problem(where="load workers", found=found, remedy=remedy)])
            joined = len(reply.workers)
            on_joined(reply)

    def prepare(self, order: Prepare) -> Prepared:
        """Have the scenarios loaded.

        Raises InputError if the locustfile takes too long to be loaded.
        """
        problem = Problem(
            where=str(order.locustfile),
            found=f"was not loaded within {PREPARE_LIMIT_S:g} s",
            remedy="keep what takes time or waits out of the file's top level",
        )
        return self._run_user_code(order, Prepared, PREPARE_LIMIT_S, problem)

    def capture(self, order: Capture) -> Captured:
        """Have one user of a prepared scenario run for a moment, to see which requests it sends.

        Raises InputError if it does not stop.
        """
        problem = Problem(
            where=f"scenario {order.scenario}",
            found=f"one user of its class did not stop within {CAPTURE_LIMIT_S:g} s",
            remedy="have its tasks and its on_stop come to an end",
        )
        return self._run_user_code(order, Captured, CAPTURE_LIMIT_S, problem)

    def open_ui(self, order: OpenUi) -> str:
        """Have the web UI served.

        Raises InputError if it cannot be served there.
        """
        self._send(order)
        reply = self._receive(UiOpened)
        if reply.problem is not None:
            found, remedy = reply.problem
            raise InputError([Problem(where="--host, --port", found=found, remedy=remedy)])
        return reply.url

    def show(self, order: ShowState) -> UiRequest:
        """Have the web UI show something."""
        self._send(order)
        return self._receive(UiRequest)

    def begin_round(self, order: RunRound) -> WindowOpens:
        """Have a server loaded, and wait until its users are warm."""
        self._window_s = order.window_s
        limit_s = order.warmup_max_s + order.timeout_s + ROUND_GRACE_S
        found = f"did not open its window within {limit_s:g} s, and was stopped"
        self._send(order)
        with self._limited(limit_s, lambda: self._failure(found)):
            return self._receive(WindowOpens)

    def close_window(self) -> None:
        """Close a window that is held open."""
        self._window_s = 0.0
        self._send(CloseWindow())

    def end_round(self) -> RoundDone:
        """Wait for the round to end."""
        limit_s = self._window_s + ROUND_GRACE_S
        found = f"did not end its round within {limit_s:g} s, and was stopped"
        with self._limited(limit_s, lambda: self._failure(found)):
            return self._receive(RoundDone)

    def _run_user_code(
        self, order: Prepare | Capture, kind: type[Reply], limit_s: float, too_long: Problem
    ) -> Reply:
        """Have the process run code of the user, for so long at most."""
        self._send(order)
        with self._limited(limit_s, lambda: InputError([too_long])):
            return self._receive(kind)

    @contextmanager
    def _limited(self, limit_s: float, too_long: Callable[[], Exception]) -> Iterator[None]:
        """Stop the process if the context lasts longer, and raise this error."""
        is_over = Event()

        def stop() -> None:
            is_over.set()  # before the process ends: the thread that waits for it may go on first
            self._process.request_stop()

        timer = Timer(limit_s, stop)
        timer.daemon = True  # an interruption may come while it starts: then nothing waits for it
        try:
            timer.start()
            yield
        except LoadGeneratorError:
            if is_over.is_set():
                raise too_long() from None
            raise
        finally:
            timer.cancel()

    def _send(self, message: Message) -> None:
        try:
            self._process.stdin.write(encode(message))
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure("ended") from None

    def _receive(self, kind: type[Reply]) -> Reply:
        line = self._process.stdout.readline()
        if not line:
            raise self._failure("ended")
        try:
            message = decode(line)
        except ValueError:  # it ended within a line, or other code writes to its standard output
            raise self._failure(f"sent {line!r}, which is no message") from None
        if not isinstance(message, kind):
            raise self._failure(f"sent {type(message).__name__} out of turn")
        return message

    def _failure(self, found: str) -> LoadGeneratorError:
        return LoadGeneratorError(f"the load generator {found}; its last lines:\n{self._process.log_tail()}")


@contextmanager
def start_generator(log_path: Path, cpus: tuple[int, ...], directory: Path) -> Iterator[LoadGenerator]:
    """Start the load-generator process, and end it whatever happens."""
    process = start_supervised(
        [sys.executable, "-m", "portcompare.loadgen"],
        directory=directory,
        environment=os.environ,
        cpus=cpus,
        log_path=log_path,
        pipes=True,
    )
    try:
        yield LoadGenerator(process)
    finally:
        process.stop()


def prepare_scenarios(generator: LoadGenerator, plan: Plan, problems: Sequence[Problem] = ()) -> Prepared:
    """Load the scenarios of a plan; raises InputError with what is wrong, and with what is known to be."""
    found = [*problems]
    locustfile, folder = plan.resolve(plan.locustfile), plan.path.parent
    sources = {}
    for name, scenario in plan.scenarios.items():
        delay = scenario.delay_parameter
        try:
            sources[name] = ScenarioSource(
                user=scenario.user,
                requests=scenario.weighted_specs(folder),
                login=scenario.login_steps(folder),
                is_paced=isinstance(scenario.load, OpenLoad),
                query=None if delay is None else (delay, f"{scenario.delay_s:.15g}"),
            )
        except InputError as error:  # reported with the plan already, unless the file has changed since
            found += [problem for problem in error.problems if problem not in found]
    has_locustfile = locustfile.exists()
    prepared = generator.prepare(
        Prepare(locustfile=str(locustfile) if has_locustfile else None, scenarios=sources)
    )
    if not has_locustfile and any(scenario.user for scenario in plan.scenarios.values()):
        remedy = "name the file that holds the user classes, or give each scenario a `request`"
        found += [Problem(where=plan.where("locustfile"), found=f"there is no {locustfile}", remedy=remedy)]
    else:
        for name, (what, remedy) in prepared.problems.items():
            scenario = plan.scenarios[name]
            key = "user" if scenario.user else "request" if scenario.request else "requests"
            found += [Problem(where=plan.where("scenarios", name, key), found=what, remedy=remedy)]
    if found:
        raise InputError(found)
    return prepared
