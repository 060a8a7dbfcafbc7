"""The leading process of several: a Locust master that deals a round out to workers."""

from __future__ import annotations

import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from gevent.queue import Empty, Queue
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import STATE_MISSING

from portcompare.loadgen.arrivals import WHOLE, Share
from portcompare.loadgen.dry_pass import capture
from portcompare.loadgen.figures import Warm
from portcompare.loadgen.messages import (
    TYPE,
    BeginPart,
    EndPart,
    OpenWindow,
    PartWarm,
    Scenarios,
    ScenariosLoaded,
    ShortenWindow,
    WindowClosed,
    decode_from_worker,
)
from portcompare.loadgen.part import Part
from portcompare.loadgen.scenarios import prepare
from portcompare.wire.protocol import Joined, Prepared, concurrency_of, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from locust import User
    from locust.rpc import Message

    from portcompare.loadgen.figures import PartDone
    from portcompare.loadgen.messages import FromWorker, ToWorker
    from portcompare.wire.protocol import Capture, Captured, Gather, Prepare, RunRound


Reply = TypeVar("Reply", ScenariosLoaded, PartWarm, WindowClosed)

_LOOK_EVERY_S: Final = 0.1
"""How often it is seen whether a worker is lost; Locust calls one lost after 4 s without a heartbeat."""

_END_LIMIT_S: Final = 2.0


class NobodyCanJoinError(Exception):
    """Workers cannot join; the arguments are what was found, and what to do."""


class WorkerCrew:
    """Worker processes on this machine or others; a `Crew`."""

    def __init__(self, order: Gather) -> None:
        """Listen for workers, and start those that are to run on this machine.

        Raises NobodyCanJoinError if that address cannot be listened on.
        """
        self._expected = order.workers
        try:
            # Locust's, as their master
            self.runner = Environment().create_master_runner(order.host, order.port)
        except (RPCError, SystemExit) as error:  # Locust exits when the port is taken
            found = f"{order.host}:{order.port} cannot be listened on"
            raise NobodyCanJoinError(found, "give a free port and an address of this machine") from error
        self.address = f"{order.host}:{self.runner.server.port}"  # Where they are listened for
        self._inbox: Queue = Queue()
        self.runner.register_message(TYPE, self._take)
        self._members: tuple[str, ...] = ()
        self._crew: tuple[str, ...] = ()
        self._number = 0
        self._order: Prepare | None = None
        self._welcomed: set[str] = set()
        self._captured: dict[str, Captured] = {}
        self._processes = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "portcompare.loadgen.worker"),
                    *("127.0.0.1", str(self.runner.server.port), str(order.cpus[number % len(order.cpus)])),
                ],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
            )
            for number in range(order.workers if order.here else 0)
        ]

    def gather(self, announce: Callable[[Joined], None]) -> None:
        """Wait until all workers have joined.

        Raises SystemExit if one that was started here has ended; what it said stands in the log before.
        """
        announce(Joined(address=self.address, workers=()))
        while len(self._members) < self._expected:
            ended = [process.returncode for process in self._processes if process.poll() is not None]
            if ended:
                sys.exit(f"a load worker ended with status {ended[0]} before it joined")
            self.runner.greenlet.join(_LOOK_EVERY_S)
            joined = tuple(self._alive(self.runner.clients))
            if len(joined) > len(self._members):
                self._members = joined[: self._expected]
                announce(Joined(address=self.address, workers=tuple(map(self._name, self._members))))

    def prepare(self, order: Prepare) -> Prepared:
        """As in `Crew`."""
        self._crew = self._members
        self._order, self._captured = order, {}
        self._welcomed.clear()
        for worker in self._crew:
            self.welcome(worker)
        loaded = self._collect(ScenariosLoaded)
        problems: dict[str, tuple[str, str]] = {}
        prepared = next((reply.prepared for reply in loaded.values()), Prepared(requests={}, problems={}))
        lost = [self._name(worker) for worker in self._crew if worker not in loaded]
        if lost:
            found = f"load worker {', '.join(lost)} was lost before it had loaded the scenario"
            remedy = f"see what it said; it must run portcompare {version('portcompare')}, as here"
            problems |= dict.fromkeys(order.scenarios, (found, remedy))
        for worker, reply in loaded.items():
            for name, (found, remedy) in reply.prepared.problems.items():
                problems[name] = (f"{found} (load worker {self._name(worker)})", remedy)
            if reply.version != version("portcompare"):
                found = f"load worker {self._name(worker)} runs portcompare {reply.version}"
                remedy = f"install {version('portcompare')} there, as here"
                problems |= dict.fromkeys(order.scenarios, (found, remedy))
        return Prepared(
            requests={name: asked for name, asked in prepared.requests.items() if name not in problems},
            problems=problems,
            to_capture=tuple(name for name in prepared.to_capture if name not in problems),
        )

    def capture(self, order: Capture) -> Captured:
        """As in `Crew`: by this process, which has no other users to run."""
        users = self.load_users()
        captured = self._captured[order.scenario] = capture(users[order.scenario], order.url)
        return captured

    def load_users(self) -> dict[str, type[User]]:
        """The user class of each scenario, in this process too."""
        assert self._order is not None  # noqa: S101 - the scenarios are prepared
        users, _ = prepare(self._order)
        return users

    def welcome(self, worker: str) -> None:
        """Have a worker load the scenarios, unless it has."""
        assert self._order is not None  # noqa: S101 - the scenarios are prepared
        if worker in self._welcomed:
            return
        self._welcomed.add(worker)
        file = self._order.locustfile
        text = None if file is None else Path(file).read_text(encoding="utf-8")
        self.tell(Scenarios(order=self._order, locustfile_text=text), worker)

    def warm_up(self, order: RunRound) -> Warm:
        """As in `Crew`."""
        self._number += 1
        # A worker without a user or connection would have nothing to do.
        self._crew = tuple(self._alive(self._members))[: concurrency_of(order.load)]
        if not self._crew:
            sys.exit("no load worker is left")
        for index, worker in enumerate(self._crew):
            share = Share(index=index, processes=len(self._crew))
            captured = self._captured.get(order.scenario)
            part = BeginPart(number=self._number, order=order, share=share, captured=captured)
            self.tell(part, worker)
        warm = self._collect(PartWarm)
        ends = [reply.warm for reply in warm.values()]
        void = self._find_lost(warm) or next((end.void for end in ends if end.void), None)
        return Warm(void=void, steady=all(end.steady for end in ends))

    def measure(self, notice_s: float) -> tuple[Mapping[str, PartDone], str | None]:
        """As in `Crew`."""
        self._tell_all(OpenWindow(number=self._number, notice_s=notice_s))
        closed = self._collect(WindowClosed)
        return {self._name(worker): reply.done for worker, reply in closed.items()}, self._find_lost(closed)

    def close_window(self, window_s: float) -> None:
        """As in `Crew`."""
        self._tell_all(ShortenWindow(window_s=window_s))

    def end_round(self) -> None:
        """As in `Crew`."""
        self._tell_all(EndPart())

    def dismiss(self) -> None:
        """As in `Crew`."""
        self.runner.quit()
        for process in self._processes:
            try:
                process.wait(_END_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _take(self, msg: Message, **_: object) -> None:
        self._inbox.put((msg.node_id, decode_from_worker(msg.data)))

    def tell(self, message: ToWorker, worker: str) -> None:
        """Send a worker a message."""
        self.runner.send_message(TYPE, encode(message), worker)

    def _tell_all(self, message: ToWorker) -> None:
        for worker in self._crew:
            self.tell(message, worker)

    def _collect(self, kind: type[Reply]) -> dict[str, Reply]:
        """Wait for a reply from each worker of the crew that is not lost meanwhile."""
        replies: dict[str, Reply] = {}
        while any(worker not in replies for worker in self._alive(self._crew)):
            try:
                worker, message = self._inbox.get(timeout=_LOOK_EVERY_S)
            except Empty:
                continue
            if self._is_due(message, kind):
                replies[worker] = message
        return {worker: replies[worker] for worker in self._crew if worker in replies}

    def _is_due(self, message: FromWorker, kind: type[Reply]) -> bool:
        """Whether it is the reply that is waited for, and not one to an earlier order."""
        return isinstance(message, kind) and getattr(message, "number", self._number) == self._number

    def _alive(self, workers: Mapping[str, object] | tuple[str, ...]) -> Iterator[str]:
        clients = self.runner.clients
        return (one for one in workers if one in clients and clients[one].state != STATE_MISSING)

    def _find_lost(self, replies: Mapping[str, object]) -> str | None:
        lost = [self._name(worker) for worker in self._crew if worker not in replies]
        return f"the load worker {', '.join(lost)} was lost during the round" if lost else None

    def _name(self, worker: str) -> str:
        """The worker's machine, a slash and its number; to Locust it is the machine and random digits."""
        return f"{worker.rpartition('_')[0]}/{self.runner.get_worker_index(worker) + 1}"


class Crew(Protocol):
    """The processes that generate the load."""

    def prepare(self, order: Prepare) -> Prepared:
        """Load the scenarios."""
        ...

    def capture(self, order: Capture) -> Captured:
        """See what a scenario's user class asks for; later rounds compare its answers."""
        ...

    def warm_up(self, order: RunRound) -> Warm:
        """Begin the load, and wait until it is steady."""
        ...

    def measure(self, notice_s: float) -> tuple[Mapping[str, PartDone], str | None]:
        """Open the window in all processes, and close it.

        Returns what each process saw, by its name, and why the round cannot count; None if it can.
        """
        ...

    def close_window(self, window_s: float) -> None:
        """Have the window close earlier than was ordered."""
        ...

    def end_round(self) -> None:
        """Stop the load; does no harm when there is none."""
        ...

    def dismiss(self) -> None:
        """Have all workers end."""
        ...


class LoneCrew:
    """This process alone."""

    def __init__(self) -> None:
        self._users: dict[str, type[User]] = {}
        self._captured: dict[str, Captured] = {}
        self._part: Part | None = None

    def prepare(self, order: Prepare) -> Prepared:
        """As in `Crew`."""
        self._users, prepared = prepare(order)
        self._captured = {}
        return prepared

    def capture(self, order: Capture) -> Captured:
        """As in `Crew`."""
        captured = self._captured[order.scenario] = capture(self._users[order.scenario], order.url)
        return captured

    def warm_up(self, order: RunRound) -> Warm:
        """As in `Crew`."""
        captured = self._captured.get(order.scenario)
        self._part = Part(order, WHOLE, self._users[order.scenario], captured)
        return self._part.warm_up()

    def measure(self, notice_s: float) -> tuple[Mapping[str, PartDone], str | None]:
        """As in `Crew`."""
        assert self._part is not None  # noqa: S101 - the load has begun
        return {f"{socket.gethostname()}/1": self._part.measure(notice_s)}, None

    def close_window(self, window_s: float) -> None:
        """As in `Crew`."""
        assert self._part is not None  # noqa: S101 - the window is open
        self._part.close_window(window_s)

    def end_round(self) -> None:
        """As in `Crew`."""
        if self._part is not None:
            self._part.end()
            self._part = None

    def dismiss(self) -> None:
        """As in `Crew`: there is nobody to dismiss."""
