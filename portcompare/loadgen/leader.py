"""The Locust master that leads load workers: whom it admits, whom it has lost, and who takes whose place."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final, Literal

import gevent
from locust import runners
from locust.env import Environment
from locust.rpc import Message

from portcompare.records.rounds import WorkerChange
from portcompare.wire.protocol import encode, make_decoder

REFUSED: Final = "portcompare_refused"  # Type of the Locust message that says to a worker why it is refused

WORKER_LOST_S: Final = 30
"""Without a heartbeat for so long a worker is lost; Locust's own 4 s are short for a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """What a worker says of itself when it joins."""

    version: str  # Of portcompare, which must be the leader's
    pid: int
    plan: str  # Fingerprint of what it loaded for a leader that it lost; empty if it is new
    instead_of: str  # Locust's id of the worker whose place it takes: its own former one; empty for none

    def as_text(self) -> str:
        """As Locust's message of a worker that is ready; Locust reads the version of its own at the front."""
        return f"{version('locust')} {encode(self)}"


_decode: Callable[[str | bytes], Introduction] = make_decoder(Introduction)


class Leader(runners.MasterRunner):
    """Admits workers of its own version and plan, as many as are expected; more of them stand by."""

    def __init__(self, environment: Environment, host: str, port: int, *, expected: int, plan: str) -> None:
        """Listen for workers; `plan`: fingerprint of what they will load, empty if that is not known."""
        super().__init__(environment, host, port)
        self.expected = expected
        self.plan = plan
        self.introductions: dict[str, Introduction] = {}  # Of all that were admitted, by Locust's ids
        self.on_change: Callable[[str, WorkerChange], None] = lambda _, __: None  # With Locust's id
        self._present: tuple[str, ...] = ()
        self._refused: set[str] = set()
        self._handling: object = None  # The greenlet that handles messages
        self._starting: gevent.Greenlet | None = None

    def start(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - Locust's
        """Have the workers start users, as Locust does.

        Where a worker was lost or has joined, Locust calls this while it handles a message: then in a
        greenlet of its own. It takes as long as users take to start, and heartbeats are to be handled
        meanwhile.
        """
        if gevent.getcurrent() is not self._handling:
            super().start(*arguments, **named)
            return
        if self._starting is not None:
            self._starting.kill(block=False)
        self._starting = gevent.spawn(super().start, *arguments, **named)

    def stop(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - Locust's
        """Stop the test, as Locust does."""
        if self._starting is not None:
            self._starting.kill(block=False)
        super().stop(*arguments, **named)

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Handle a worker's message, as Locust does once it is admitted, and as long as it is not lost."""
        self._handling = gevent.getcurrent()
        if client_id in self.introductions:
            # One that was lost comes back under another id. One that has stopped its users is ready at once.
            if client_id in self.alive() and msg.type != "client_stopped":
                super().handle_message(client_id, msg)
            return
        if msg.type != "client_ready":
            return
        try:
            introduction = _decode(str(msg.data).partition(" ")[2])
        except ValueError:
            introduction = Introduction(version="of another version or none", pid=0, plan="", instead_of="")
        own = version("portcompare")
        if introduction.version != own:
            self.refuse(client_id, f"it runs portcompare {introduction.version}: install {own}, as here")
        elif introduction.plan not in ("", self.plan) and self.plan:
            self.refuse(client_id, "it has lost a run of another plan: start it again")
        elif len({*self.alive()} - {introduction.instead_of}) < self.expected:
            self.introductions[client_id] = introduction
            super().handle_message(client_id, msg)
            self.remove(introduction.instead_of)

    def refuse(self, worker: str, reason: str) -> None:
        """Have a worker end, and say why on both sides."""
        self.send_message(REFUSED, reason, worker)
        self.remove(worker)
        if worker not in self._refused:
            self._refused.add(worker)
            self._note(worker, "refused", reason)

    def remove(self, worker: str) -> None:
        """Go on without a worker, as if it had said that it ends."""
        if worker in self.clients:
            super().handle_message(worker, Message("quit", None, worker))

    def alive(self) -> tuple[str, ...]:
        """Locust's ids of the workers that are there."""
        return tuple(one.id for one in self.clients.all if one.state != runners.STATE_MISSING)

    def look(self) -> None:
        """Note which workers were lost, and which have joined, since the last look."""
        before, self._present = self._present, self.alive()
        for worker in self._present:
            if worker not in before:
                self._note(worker, "joined")
        for worker in before:
            if worker not in self._present:
                self._note(worker, "lost", self._why_lost(worker))

    def _why_lost(self, worker: str) -> str:
        for other, introduction in self.introductions.items():
            if introduction.instead_of == worker:
                return f"{self.name(other)} has taken its place"
        return f"no heartbeat for {WORKER_LOST_S} s" if worker in self.clients else "it has ended"

    def _note(self, worker: str, change: Literal["lost", "joined", "refused"], reason: str = "") -> None:
        name = self.name(worker) if change != "refused" else worker.rpartition("_")[0]
        self.on_change(worker, WorkerChange(worker=name, at_s=time.time(), change=change, reason=reason))

    def name(self, worker: str) -> str:
        """The worker's machine, a slash and its number; Locust's id is the machine and random digits."""
        return f"{worker.rpartition('_')[0]}/{self.get_worker_index(worker) + 1}"
