"""The load-generator process, as the harness sees it: started once, driven by orders, ended with the run."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Timer
from typing import TypeVar

from portcompare.errors import InputError, LoadGeneratorError, Problem, refuse
from portcompare.plan import OpenLoad, Plan
from portcompare.records.rounds import WorkerChange
from portcompare.serve import Supervised, start_supervised
from portcompare.wire import protocol as wire

Reply = TypeVar("Reply", bound=wire.Reply)

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
        # When one is lost, joins, or is refused
        self.on_worker: Callable[[WorkerChange], None] = lambda _: None
        self._window_s = self._awaited_s = 0.0

    def gather(self, order: wire.Gather, on_joined: Callable[[wire.Joined], None]) -> None:
        """Wait until all worker processes have joined; raises InputError if none can join."""
        self._send(order)
        joined = 0
        while joined < order.workers:
            reply = self._receive(wire.Joined)
            if reply.problem is not None:
                raise refuse("load workers", *reply.problem)
            joined = len(reply.workers)
            on_joined(reply)

    def prepare(self, order: wire.Prepare) -> wire.Prepared:
        """Have the scenarios loaded; raises InputError if the locustfile takes too long."""
        remedy = "keep what takes time or waits out of the file's top level"
        late = refuse(str(order.locustfile), f"was not loaded within {PREPARE_LIMIT_S:g} s", remedy)
        return self._exchange(order, wire.Prepared, PREPARE_LIMIT_S, late)

    def capture(self, order: wire.Capture) -> wire.Captured:
        """Have one user run for a moment and capture its requests; raises InputError if it does not stop."""
        found = f"one user of its class did not stop within {CAPTURE_LIMIT_S:g} s"
        late = refuse(f"scenario {order.scenario}", found, "have its tasks and its on_stop come to an end")
        return self._exchange(order, wire.Captured, CAPTURE_LIMIT_S, late)

    def open_ui(self, order: wire.OpenUi) -> str:
        """Have the web UI served, and return its address; raises InputError if it cannot be served there."""
        self._send(order)
        reply = self._receive(wire.UiOpened)
        if reply.problem is not None:
            raise refuse("--host, --port", *reply.problem)
        return reply.url

    def show(self, order: wire.ShowState) -> wire.UiRequest:
        """Have the web UI show something."""
        self._send(order)
        return self._receive(wire.UiRequest)

    def begin_round(self, order: wire.RunRound) -> wire.WindowOpens:
        """Have a server loaded, and wait until its users are warm."""
        self._window_s = order.window_s
        # Responses are awaited before the window and after it.
        self._awaited_s = order.timeout_s + ROUND_GRACE_S
        limit_s = wire.WORKERS_AWAITED_S + order.warmup_max_s + self._awaited_s
        return self._exchange(order, wire.WindowOpens, limit_s, "open its window")

    def close_window(self) -> None:
        """Close a window that is held open."""
        self._window_s = 0.0
        self._send(wire.CloseWindow())

    def end_round(self) -> wire.RoundDone:
        """Wait for the round to end."""
        return self._exchange(None, wire.RoundDone, self._window_s + self._awaited_s, "end its round")

    def join_turns(self, order: wire.JoinTurns) -> wire.TurnsJoined:
        """Have the users of all arms connected, to take turns."""
        limit_s = sum(2 * one.warmup_max_s + one.timeout_s for one in order.rounds.values()) + ROUND_GRACE_S
        return self._exchange(order, wire.TurnsJoined, limit_s, "connect its users")

    def take_turn(self, order: wire.TakeTurn, timeout_s: float) -> wire.TurnTaken:
        """Have one arm take its turn; `timeout_s` is that of a response."""
        # First what was sent in time is awaited, then what was sent meanwhile.
        limit_s = order.turn_s + 2 * timeout_s + ROUND_GRACE_S
        return self._exchange(order, wire.TurnTaken, limit_s, "end its turn")

    def end_turns(self, order: wire.EndTurns) -> wire.TurnsEnded:
        """Have all users that take turns disconnected."""
        return self._exchange(order, wire.TurnsEnded, ROUND_GRACE_S, "end its turns")

    def _exchange(
        self, order: wire.Order | None, kind: type[Reply], limit_s: float, late: InputError | str
    ) -> Reply:
        """Send an order, None for none, and receive its reply, or stop the process.

        `late`: the error if it comes too late, or what the process then did not do.
        """
        if order is not None:
            self._send(order)
        is_over = Event()

        def stop() -> None:
            is_over.set()  # before the process ends: the thread that waits for it may go on first
            self._process.request_stop()

        timer = Timer(limit_s, stop)
        timer.daemon = True  # an interruption may come while it starts: then nothing waits for it
        try:
            timer.start()
            return self._receive(kind)
        except LoadGeneratorError:
            if not is_over.is_set():
                raise
            if isinstance(late, InputError):
                raise late from None
            raise self._failure(f"did not {late} within {limit_s:g} s, and was stopped") from None
        finally:
            timer.cancel()

    def _send(self, message: wire.Message) -> None:
        try:
            self._process.stdin.write(wire.encode(message))
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure("ended") from None

    def _receive(self, kind: type[Reply]) -> Reply:
        line = self._process.stdout.readline()
        if not line:
            raise self._failure("ended")
        try:
            message = wire.decode(line)
        except ValueError:  # it ended within a line, or other code writes to its standard output
            raise self._failure(f"sent {line!r}, which is no message") from None
        if isinstance(message, WorkerChange):
            self.on_worker(message)
            return self._receive(kind)
        if isinstance(message, wire.GaveUp):
            raise LoadGeneratorError(message.reason)
        if not isinstance(message, kind):
            raise self._failure(f"sent {type(message).__name__} out of turn")
        return message

    def _failure(self, found: str) -> LoadGeneratorError:
        return LoadGeneratorError(f"the load generator {found}; its last lines:\n{self._process.log_tail()}")


@contextmanager
def start_generator(log_path: Path, cpus: tuple[int, ...], directory: Path) -> Iterator[LoadGenerator]:
    """Start the load-generator process, and end it whatever happens."""
    process = start_supervised(
        [sys.executable, "-P", "-m", "portcompare.loadgen"],
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


def prepare_scenarios(
    generator: LoadGenerator, plan: Plan, problems: Sequence[Problem] = ()
) -> wire.Prepared:
    """Load the scenarios of a plan; raises InputError with what is wrong, and with what is known to be."""
    found = [*problems]
    locustfile, folder = plan.resolve(plan.locustfile), plan.path.parent
    sources = {}
    for name, scenario in plan.scenarios.items():
        delay = scenario.delay_parameter
        try:
            sources[name] = wire.ScenarioSource(
                user=scenario.user,
                requests=scenario.weighted_specs(folder),
                login=scenario.login_steps(folder),
                is_paced=isinstance(scenario.load, OpenLoad),
                query=None if delay is None else (delay, f"{scenario.delay_s:.15g}"),
            )
        except InputError as error:  # reported with the plan already, unless the file has changed since
            found += [problem for problem in error.problems if problem not in found]
    path = str(locustfile) if locustfile.exists() else None
    prepared = generator.prepare(wire.Prepare(locustfile=path, scenarios=sources))
    if path is None and any(scenario.user for scenario in plan.scenarios.values()):
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
