"""The leading process of a distributed load, a Locust master, and what it and its workers send each other.

Every message is of one Locust type and carries a record as a line of JSON. No message carries an instant: a
worker counts time by its own clock, so the clocks of machines need not agree.
"""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeVar, get_args

from gevent.queue import Empty, Queue
from locust import User, runners
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import STATE_MISSING

from portcompare.loadgen.declare import Problem
from portcompare.loadgen.dry_pass import capture
from portcompare.loadgen.figures import PartResult
from portcompare.loadgen.local_runner import WarmUp
from portcompare.loadgen.open_model import Share
from portcompare.loadgen.scenarios import load_scenarios
from portcompare.wire import protocol as wire

TYPE: Final = "portcompare"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadScenarios:
    """To a worker: load these scenarios; the reply is `Prepared`."""

    number: int  # The order's, for the reply
    order: wire.Prepare
    locustfile_text: str | None  # For a worker on a machine without the locustfile; None if there is none


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
    version: str  # Of portcompare, which must be the leader's
    content: wire.Prepared | WarmUp | PartResult


ToWorker = LoadScenarios | StartPart | OpenWindow | ShortenWindow | EndPart | BeginLive

decode_to_worker: Callable[[str | bytes], ToWorker] = wire.make_decoder(*get_args(ToWorker))
decode_reply: Callable[[str | bytes], Reply] = wire.make_decoder(Reply)


Content = TypeVar("Content", wire.Prepared, WarmUp, PartResult)

_LOOK_EVERY_S: Final = 0.1  # How often lost workers are looked for

WORKER_LOST_S: Final = 30
"""Without a heartbeat for so long a worker is lost; Locust's own 4 s are short for a busy machine."""

_END_LIMIT_S: Final = 2.0


class DistributedRunner:
    """Has workers generate the load, on this machine or others; its methods are those of `LocalRunner`."""

    def __init__(self, order: wire.Gather) -> None:
        """Listen for workers, and start those of this machine; raises OSError if it cannot listen there."""
        self._expected = order.workers
        runners.HEARTBEAT_LIVENESS = WORKER_LOST_S - 1  # Heartbeats that may be missed, one a second
        try:
            self.master = Environment().create_master_runner(order.host, order.port)
        except (RPCError, SystemExit) as error:  # Locust exits when the port is taken
            raise OSError(str(error)) from error
        port = self.master.server.port
        self._address = f"{order.host}:{port}"
        self._inbox: Queue = Queue()
        self.master.register_message(
            TYPE, lambda msg, **_: self._inbox.put((msg.node_id, decode_reply(msg.data)))
        )
        self._members: tuple[str, ...] = ()  # Locust's ids of all workers that joined
        self._active: tuple[str, ...] = ()  # Of those that take part in what is under way
        self._number = 0  # Of the order under way
        self._order: wire.Prepare | None = None
        self._loading: set[str] = set()  # Workers that were sent the scenarios
        self._versions: dict[str, str] = {}
        self._captured: dict[str, wire.Captured] = {}
        command = (sys.executable, "-P", "-m", "portcompare.loadgen.worker", "127.0.0.1", str(port))
        self._processes = [
            subprocess.Popen(
                [*command, str(order.cpus[number % len(order.cpus)])],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
            )
            for number in range(order.workers if order.here else 0)
        ]

    def gather(self, announce: Callable[[wire.Joined], None]) -> None:
        """Wait until all workers have joined; raises SystemExit if one that was started here has ended."""
        announce(wire.Joined(address=self._address, workers=()))
        while len(self._members) < self._expected:
            ended = [process.returncode for process in self._processes if process.poll() is not None]
            if ended:
                sys.exit(f"a load worker ended with status {ended[0]} before it joined")
            self.master.greenlet.join(_LOOK_EVERY_S)
            joined = tuple(self._alive(self.master.clients))
            if len(joined) > len(self._members):
                self._members = joined[: self._expected]
                announce(wire.Joined(address=self._address, workers=tuple(map(self._name, self._members))))

    def prepare(self, order: wire.Prepare) -> wire.Prepared:
        """Have all workers load the scenarios; a problem of one is a problem of all."""
        self._number += 1
        self._active, self._order = self._members, order
        self._captured.clear()
        self._loading.clear()
        for worker in self._active:
            self.load_scenarios(worker)
        loaded = self._collect(wire.Prepared)
        own = version("portcompare")
        problems: dict[str, Problem] = {}
        prepared = next(iter(loaded.values()), wire.Prepared(requests={}, problems={}))
        if lost := self._lost(loaded):
            found = f"load worker {lost} was lost before it had loaded the scenario"
            problems |= dict.fromkeys(order.scenarios, (found, f"see its log; it must run portcompare {own}"))
        for worker, reply in loaded.items():
            for name, (found, remedy) in reply.problems.items():
                problems[name] = (f"{found} (load worker {self._name(worker)})", remedy)
            if self._versions[worker] != own:
                found = f"load worker {self._name(worker)} runs portcompare {self._versions[worker]}"
                problems |= dict.fromkeys(order.scenarios, (found, f"install {own} there, as here"))
        return wire.Prepared(
            requests={name: sent for name, sent in prepared.requests.items() if name not in problems},
            problems=problems,
            to_capture=tuple(name for name in prepared.to_capture if name not in problems),
        )

    def load_scenarios(self, worker: str) -> None:
        """Have a worker load the scenarios, unless it is loading them already."""
        assert self._order is not None  # noqa: S101 - the scenarios are prepared
        if worker not in self._loading:
            self._loading.add(worker)
            file = self._order.locustfile
            text = None if file is None else Path(file).read_text(encoding="utf-8")
            self.send(LoadScenarios(number=self._number, order=self._order, locustfile_text=text), worker)

    def load_users(self) -> dict[str, type[User]]:
        """The user class of each scenario, in this process too."""
        assert self._order is not None  # noqa: S101 - the scenarios are prepared
        return load_scenarios(self._order)[0]

    def capture(self, order: wire.Capture) -> wire.Captured:
        """Capture in this process, which has no other users to run."""
        user_class = self.load_users()[order.scenario]
        captured = self._captured[order.scenario] = capture(user_class, order.url)
        return captured

    def warm_up(self, order: wire.RunRound) -> WarmUp:
        """Start the load in the workers that get a user or connection; raises SystemExit if none is left."""
        self._number += 1
        self._active = tuple(self._alive(self._members))[: wire.concurrency_of(order.load)]
        if not self._active:
            sys.exit("no load worker is left")
        captured = self._captured.get(order.scenario)
        for index, worker in enumerate(self._active):
            share = Share(index=index, processes=len(self._active))
            part = StartPart(number=self._number, order=order, share=share, captured=captured)
            self.send(part, worker)
        warm = self._collect(WarmUp)
        reasons = (one.failure for one in warm.values() if one.failure)
        return WarmUp(
            failure=self._lost_in_round(warm) or next(reasons, None),
            steady=all(one.steady for one in warm.values()),
        )

    def measure(self, notice_s: float) -> tuple[Mapping[str, PartResult], str | None]:
        """As of `LocalRunner`; the load fails with each lost worker."""
        self.send(OpenWindow(number=self._number, notice_s=notice_s), *self._active)
        results = self._collect(PartResult)
        named = {self._name(worker): result for worker, result in results.items()}
        return named, self._lost_in_round(results)

    def close_window(self, window_s: float) -> None:
        """As of `LocalRunner`."""
        self.send(ShortenWindow(window_s=window_s), *self._active)

    def end_round(self) -> None:
        """As of `LocalRunner`; the workers do not say how their users ended."""
        self.send(EndPart(), *self._active)

    def close(self) -> None:
        """End all workers."""
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

    def _collect(self, kind: type[Content]) -> dict[str, Content]:
        """Wait for a reply from each active worker that is not lost meanwhile; late ones are ignored."""
        found: dict[str, Content] = {}
        while any(worker not in found for worker in self._alive(self._active)):
            try:
                worker, reply = self._inbox.get(timeout=_LOOK_EVERY_S)
            except Empty:
                continue
            if reply.number == self._number and isinstance(reply.content, kind):
                self._versions[worker] = reply.version
                found[worker] = reply.content
        return {worker: found[worker] for worker in self._active if worker in found}

    def _alive(self, workers: Iterable[str]) -> Iterator[str]:
        clients = self.master.clients
        return (one for one in workers if one in clients and clients[one].state != STATE_MISSING)

    def _lost(self, replies: Mapping[str, object]) -> str:
        return ", ".join(self._name(worker) for worker in self._active if worker not in replies)

    def _lost_in_round(self, replies: Mapping[str, object]) -> str | None:
        lost = self._lost(replies)
        return f"the load worker {lost} was lost during the round" if lost else None

    def _name(self, worker: str) -> str:
        """The worker's machine, a slash and its number; Locust's id is the machine and random digits."""
        return f"{worker.rpartition('_')[0]}/{self.master.get_worker_index(worker) + 1}"
