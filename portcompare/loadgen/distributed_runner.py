"""The leading process of a distributed load, a Locust master, and what it and its workers send each other.

Every message is of one Locust type and carries a record as a line of JSON. No message carries an instant: a
worker counts time by its own clock, so the clocks of machines need not agree.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar, get_args

import gevent
from gevent.queue import Empty, Queue
from locust import User, runners
from locust.env import Environment
from locust.exception import RPCError
from locust.rpc import Message

from portcompare.loadgen.declare import Problem
from portcompare.loadgen.dry_pass import capture
from portcompare.loadgen.figures import PartResult
from portcompare.loadgen.leader import WORKER_LOST_S, Leader
from portcompare.loadgen.local_runner import WarmUp
from portcompare.loadgen.open_model import Share
from portcompare.loadgen.scenarios import load_scenarios
from portcompare.records.rounds import WorkerChange
from portcompare.wire import protocol as wire

TYPE: Final = "portcompare"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadScenarios:
    """To a worker: load these scenarios; the reply is `Prepared`."""

    number: int  # The order's, for the reply
    order: wire.Prepare
    locustfile_text: str | None  # For a worker on a machine without the locustfile; None if there is none
    plan: str  # Fingerprint of both


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPart:
    """To a worker: start its part of a round; the reply is `WarmUp`."""

    number: int
    order: wire.RunRound  # The whole round
    share: Share
    captured: wire.Captured | None  # The requests of a user class that is no `LeanUser`


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWindow:
    """To a worker: open the window; the reply is `PartResult`."""

    number: int
    notice_s: float  # How long from now


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortenWindow:
    """To a worker: close the open window earlier than ordered."""

    window_s: float  # Its length


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPart:
    """To a worker: stop the load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginLive:
    """To a worker: get ready for a live test, whose users Locust starts and stops."""

    test: int  # The test's number
    plan: wire.UiPlan  # All servers and scenarios
    settings: wire.LiveSettings  # What is to be loaded, and how
    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """From a worker."""

    number: int  # The order's
    content: wire.Prepared | WarmUp | PartResult


ToWorker = LoadScenarios | StartPart | OpenWindow | ShortenWindow | EndPart | BeginLive

decode_to_worker: Callable[[str | bytes], ToWorker] = wire.make_decoder(*get_args(ToWorker))
decode_reply: Callable[[str | bytes], Reply] = wire.make_decoder(Reply)


Content = TypeVar("Content", wire.Prepared, WarmUp, PartResult)

_LOOK_EVERY_S: Final = 0.1  # How often lost workers are looked for
_END_LIMIT_S: Final = 2.0

MOST_RESTARTS: Final = 10  # How often processes of this machine are started anew in a run


class NoWorkerLeftError(Exception):
    """All workers were lost, and none has come back within the limit."""


def make_loading(order: wire.Prepare, number: int = 0) -> LoadScenarios:
    """Make the message that has a worker load scenarios."""
    file = order.locustfile
    text = None if file is None else Path(file).read_text(encoding="utf-8")
    plan = sha256(f"{wire.encode(order)}{text}".encode()).hexdigest()
    return LoadScenarios(number=number, order=order, locustfile_text=text, plan=plan)


class DistributedRunner:
    """Has workers generate the load, on this machine or others; its methods are those of `LocalRunner`."""

    def __init__(
        self,
        order: wire.Gather,
        prepared: wire.Prepare | None,
        announce: Callable[[wire.Joined | WorkerChange], None],
    ) -> None:
        """Listen for workers, and start those of this machine; raises OSError if it cannot listen there.

        `prepared`: what they will load, as far as it is known.
        """
        runners.HEARTBEAT_LIVENESS = WORKER_LOST_S - 1  # Heartbeats that may be missed, one a second
        plan = make_loading(prepared).plan if prepared is not None else ""
        environment = Environment()
        try:
            environment.runner = self.master = Leader(
                environment, order.host, order.port, expected=order.workers, plan=plan
            )
        except (RPCError, SystemExit) as error:  # Locust exits when the port is taken
            raise OSError(str(error)) from error
        port = self.master.server.port
        self._address = f"{order.host}:{port}"
        self._announce = announce
        self._is_gathered = False
        self.on_change: Callable[[WorkerChange], None] = lambda _: None  # In this process
        self._inbox: Queue = Queue()
        self._started: tuple[str, ...] = ()  # Locust's ids of those that were sent a part of the round
        self._active: tuple[str, ...] = ()  # Of those that take part in what is under way
        self._lost: list[str] = []  # Names of those that took part, and were lost since
        self._ever_lost: list[str] = []
        self._number = 0  # Of the order under way
        self._loading: LoadScenarios | None = None
        self._prepared: dict[str, wire.Prepared | None] = {}  # None while a worker loads the scenarios
        self._captured: dict[str, wire.Captured] = {}
        self._command = (sys.executable, "-P", "-m", "portcompare.loadgen.worker", "127.0.0.1", str(port))
        self._cpus = order.cpus
        self._processes = [self._start(place) for place in range(order.workers if order.here else 0)]
        self._restarts = 0
        self.master.register_message(TYPE, self._receive)
        self.master.environment.events.worker_connect.add_listener(self._load_scenarios)
        self.master.on_change = self._note_change
        self._watching = gevent.spawn(self._watch)

    def _start(self, place: int, instead_of: str = "") -> subprocess.Popen[bytes]:
        cpu = str(self._cpus[place % len(self._cpus)])
        return subprocess.Popen(
            [*self._command, cpu, instead_of], stdin=subprocess.DEVNULL, stdout=sys.stderr
        )

    def _watch(self) -> None:
        """Look for lost workers, and start processes of this machine anew that had joined and ended."""
        while True:
            workers = {one.pid: worker for worker, one in self.master.introductions.items()}
            for place, process in enumerate(self._processes):
                had_joined = process.pid in workers
                if had_joined and process.poll() is not None and self._restarts < MOST_RESTARTS:
                    self._restarts += 1
                    self._processes[place] = self._start(place, workers[process.pid])
            self.master.look()
            gevent.sleep(_LOOK_EVERY_S)

    def _note_change(self, worker: str, change: WorkerChange) -> None:
        if change.change == "lost":
            self._ever_lost.append(change.worker)
            if worker in self._active:
                self._active = tuple(one for one in self._active if one != worker)
                self._lost.append(change.worker)
        if self._is_gathered or change.change != "joined":
            self._announce(change)
            self.on_change(change)

    def gather(self) -> None:
        """Wait until all workers have joined; raises SystemExit if one that was started here has ended."""
        joined: tuple[str, ...] = ()
        self._announce(wire.Joined(address=self._address, workers=()))
        while len(joined) < self.master.expected:
            ended = [process.returncode for process in self._processes if process.poll() is not None]
            if ended:
                sys.exit(f"a load worker ended with status {ended[0]} before it joined")
            gevent.sleep(_LOOK_EVERY_S)
            if self.master.alive() != joined:
                joined = self.master.alive()
                names = tuple(map(self.master.name, joined))
                self._announce(wire.Joined(address=self._address, workers=names))
        self.master.look()
        self._is_gathered = True

    def prepare(self, order: wire.Prepare) -> wire.Prepared:
        """Have all workers load the scenarios; a problem of one is a problem of all."""
        self._number += 1
        self._loading = make_loading(order, self._number)
        self.master.plan = self._loading.plan
        self._active, self._lost = self.master.alive(), []
        self._captured.clear()
        self._prepared.clear()
        for worker in self._active:
            self._load_scenarios(worker)
        while any(self._prepared[worker] is None for worker in self._active):
            gevent.sleep(_LOOK_EVERY_S)
        loaded = {worker: reply for worker in self._active if (reply := self._prepared[worker])}
        problems: dict[str, Problem] = {}
        prepared = next(iter(loaded.values()), wire.Prepared(requests={}, problems={}))
        if self._lost:
            found = f"load worker {', '.join(self._lost)} was lost before it had loaded the scenario"
            problems |= dict.fromkeys(order.scenarios, (found, "see its log"))
        for worker, reply in loaded.items():
            for name, (found, remedy) in reply.problems.items():
                problems[name] = (f"{found} (load worker {self.master.name(worker)})", remedy)
        return wire.Prepared(
            requests={name: sent for name, sent in prepared.requests.items() if name not in problems},
            problems=problems,
            to_capture=tuple(name for name in prepared.to_capture if name not in problems),
        )

    def _load_scenarios(self, client_id: str, **_: object) -> None:
        """Have a worker load the scenarios, unless it was sent them already."""
        if self._loading is not None and client_id not in self._prepared:
            self._prepared[client_id] = None
            self.send(self._loading, client_id)

    def load_users(self) -> dict[str, type[User]]:
        """The user class of each scenario, in this process too."""
        assert self._loading is not None  # noqa: S101 - the scenarios are prepared
        return load_scenarios(self._loading.order)[0]

    def capture(self, order: wire.Capture) -> wire.Captured:
        """Capture in this process, which has no other users to run."""
        user_class = self.load_users()[order.scenario]
        captured = self._captured[order.scenario] = capture(user_class, order.url)
        return captured

    def warm_up(self, order: wire.RunRound) -> WarmUp:
        """Start the load in the workers that get a user or connection."""
        self._started = self._await_workers()[: wire.concurrency_of(order.load)]
        self._active, self._lost = self._started, []
        self._number += 1
        captured = self._captured.get(order.scenario)
        for index, worker in enumerate(self._active):
            share = Share(index=index, processes=len(self._active))
            part = StartPart(number=self._number, order=order, share=share, captured=captured)
            self.send(part, worker)
        warm = self._collect(WarmUp)
        reasons = (one.failure for one in warm.values() if one.failure)
        return WarmUp(failure=next(reasons, None), steady=all(one.steady for one in warm.values()))

    def _await_workers(self) -> tuple[str, ...]:
        """The workers that can take part; waits for those that are joining, and for one at least.

        Raises NoWorkerLeftError: there is none.
        """
        with gevent.Timeout(wire.WORKERS_AWAITED_S, exception=False):
            while self._are_joining() or not self.master.alive():
                gevent.sleep(_LOOK_EVERY_S)
        if ready := tuple(worker for worker in self.master.alive() if self._prepared.get(worker)):
            return ready
        lost, limit_s = ", ".join(self._ever_lost), wire.WORKERS_AWAITED_S
        raise NoWorkerLeftError(
            f"no load worker is left: {lost} was lost, and none joined again within {limit_s:g} s"
        )

    def _are_joining(self) -> bool:
        """Whether a process of this machine is about to join, or a worker is loading the scenarios."""
        joined = {one.pid for one in self.master.introductions.values()}
        are_starting = any(one.pid not in joined and one.poll() is None for one in self._processes)
        return are_starting or any(self._prepared.get(worker) is None for worker in self.master.alive())

    def measure(self, notice_s: float) -> tuple[Mapping[str, PartResult], tuple[str, ...]]:
        """As of `LocalRunner`."""
        self.send(OpenWindow(number=self._number, notice_s=notice_s), *self._active)
        results = self._collect(PartResult)
        return {self.master.name(worker): result for worker, result in results.items()}, tuple(self._lost)

    def close_window(self, window_s: float) -> None:
        """As of `LocalRunner`."""
        self.send(ShortenWindow(window_s=window_s), *self._active)

    def end_round(self) -> None:
        """As of `LocalRunner`; the workers do not say how their users ended."""
        self.send(EndPart(), *self._started)  # one that was lost as well: it may be back

    def close(self) -> None:
        """End all workers."""
        self._watching.kill()
        self.master.quit()
        for process in self._processes:
            try:
                process.wait(_END_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def send(self, message: ToWorker, *workers: str) -> None:
        """Send workers a message."""
        for worker in workers:
            self.master.send_message(TYPE, wire.encode(message), worker)

    def _receive(self, msg: Message, **_: object) -> None:
        worker, reply = msg.node_id, decode_reply(msg.data)
        if not isinstance(reply.content, wire.Prepared):
            self._inbox.put((worker, reply))
        elif self._loading is not None and reply.number == self._loading.number:
            self._prepared[worker] = reply.content
            if reply.content.problems and worker not in self._active:  # it came when others had begun
                found, _remedy = next(iter(reply.content.problems.values()))
                self.master.refuse(worker, found)

    def _collect(self, kind: type[Content]) -> dict[str, Content]:
        """Wait for a reply from each active worker that is not lost meanwhile; late ones are ignored."""
        found: dict[str, Content] = {}
        while any(worker not in found for worker in self._active):
            try:
                worker, reply = self._inbox.get(timeout=_LOOK_EVERY_S)
            except Empty:
                continue
            if reply.number == self._number and isinstance(reply.content, kind):
                found[worker] = reply.content
        return {worker: found[worker] for worker in self._active if worker in found}
