"""A worker process: joins a leading process, on this machine or another, and does its part of each round.

Run as a program: `python -m portcompare.loadgen.worker HOST PORT [CPU [INSTEAD_OF]]`, the last one being
Locust's id of the worker that it replaces. It ends with status 0 when the run does, and with 3 when the
leading process was lost or refuses it.
"""

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Final, NoReturn
from uuid import uuid4

import gevent
from locust import runners
from locust.env import Environment
from locust.rpc import Message, rpc
from locust.stats import RequestStats

from portcompare.errors import EXIT_NOT_VALID
from portcompare.loadgen import distributed_runner as messages
from portcompare.loadgen.distributed_runner import LoadScenarios, OpenWindow, StartPart
from portcompare.loadgen.figures import PartResult
from portcompare.loadgen.leader import REFUSED, Introduction
from portcompare.loadgen.local_runner import LocalRunner, WarmUp
from portcompare.loadgen.webui.live_load import LiveLoad
from portcompare.wire.protocol import Prepare, Prepared, concurrency_of, encode

_LOG = logging.getLogger(__name__)

LEADER_LOST_S: Final = 30.0
"""Without a heartbeat for so long the leader is lost; Locust's own minute is long for a server under load."""

TRY_S: Final = 5.0
"""How long an attempt to join waits for the leader. Each leaves a message in the socket's queue, from which a
leader that comes later receives it at once, and which holds a thousand."""

TRIES: Final = 720  # A worker waits an hour for its run
REJOIN_TRIES: Final = 60  # And five minutes for one that it has lost


class Worker:
    """Carries out the leader's messages."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self._environment = environment
        self._folder = folder  # For a locustfile that this machine does not have
        self._runner = LocalRunner()
        self._live: LiveLoad | None = None
        self._doing: gevent.Greenlet | None = None
        self._part = 0  # Number of the order whose part is under way; 0 for none
        self.plan = ""  # Fingerprint of what was loaded; empty before

    def receive(self, msg: Message, **_: object) -> None:
        """Carry out a message, in a greenlet of its own: Locust goes on listening meanwhile."""
        try:
            message = messages.decode_to_worker(msg.data)
        except ValueError as error:
            _LOG.error("the run sent what no leader of this version sends: %s", error)
            self.leave(EXIT_NOT_VALID)
        match message:
            case messages.ShortenWindow():  # for the greenlet that measures
                self._runner.close_window(message.window_s)
            case messages.BeginLive():  # at once: Locust's own order to start users comes next
                if self._doing is not None:
                    self._doing.join()  # a worker that joins a running test is loading its scenarios
                self.end_load()
                self._live = LiveLoad(self._environment, self._runner.users, message)
            case messages.EndPart():
                self.end_load()
            case messages.OpenWindow() if message.number != self._part:
                pass  # of a round that this worker has left since
            case _:
                self._doing = gevent.spawn(self._carry_out, message)

    def _carry_out(self, message: LoadScenarios | StartPart | OpenWindow) -> None:
        content: Prepared | WarmUp | PartResult
        try:
            match message:
                case LoadScenarios():
                    self.plan = message.plan
                    content = self._runner.prepare(self._with_locustfile(message))
                case StartPart(order=order, share=share):
                    self._part, total = message.number, concurrency_of(order.load)
                    _LOG.info("%s, %d of %d, %s", order.scenario, share.of(total), total, order.url)
                    content = self._runner.warm_up(order, share, message.captured)
                case OpenWindow():
                    (content,) = self._runner.measure(message.notice_s)[0].values()
            reply = messages.Reply(number=message.number, content=content)
            self._environment.runner.send_message(messages.TYPE, encode(reply))
        except Exception:  # noqa: BLE001 - without this worker the leader would wait for ever: it must know
            traceback.print_exc()
            self.leave(EXIT_NOT_VALID)

    def _with_locustfile(self, message: LoadScenarios) -> Prepare:
        """The order with the leader's locustfile: this machine's own if it is the same, or a copy."""
        order, text = message.order, message.locustfile_text
        if order.locustfile is None or text is None:
            return order
        own = Path(order.locustfile)
        if own.is_file() and own.read_text(encoding="utf-8") == text:
            return order
        copy = self._folder / own.name
        copy.write_text(text, encoding="utf-8")
        return replace(order, locustfile=str(copy))

    def end_load(self) -> None:
        """Stop whatever is under way."""
        if self._doing is not None:
            self._doing.kill()
        self._part = 0
        self._runner.end_round()
        if self._live is not None:
            self._live.end()
            self._live = None

    def end_refused(self, msg: Message, **_: object) -> None:
        """End as the leader refuses this worker."""
        _LOG.error("the run has refused this worker: %s", msg.data)
        self.leave(EXIT_NOT_VALID)

    def leave(self, status: int) -> NoReturn:
        """Leave the run, and end this process."""
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)
        gevent.sleep(0.1)  # for the message to leave
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(status)


class Joining(runners.WorkerRunner):
    """Joins a leader, and joins again when it was lost."""

    client_id: str
    client: rpc.Client

    def __init__(
        self, environment: Environment, host: str, port: int, worker: Worker, instead_of: str
    ) -> None:
        """Join; raises ConnectionError if there is no leader. `instead_of`: id of the worker to replace."""
        self._worker = worker
        self._instead_of = instead_of
        self.is_lost = False
        super().__init__(environment, host, port)

    def connect_to_master(self) -> None:
        """Join; Locust's own calls itself for each attempt, deeper and deeper."""
        self.environment.runner = self
        # At once: the first message may come together with the acknowledgement.
        self.register_message(messages.TYPE, self._worker.receive)
        self.register_message(REFUSED, self._worker.end_refused)
        self._join(TRIES)

    def _join(self, tries: int) -> None:
        introduction = Introduction(
            version=version("portcompare"),
            pid=os.getpid(),
            plan=self._worker.plan,
            instead_of=self._instead_of,
        )
        for attempt in range(tries):
            self.client.send(Message("client_ready", introduction.as_text(), self.client_id))
            if self.connection_event.wait(timeout=TRY_S):
                self.connected = True
                self.last_heartbeat_timestamp = time.time()  # of a leader that dies before its first one
                return
            if not attempt:
                _LOG.info("no run is there yet, or it needs no more workers; waiting")
        raise ConnectionError

    def quit(self) -> None:
        """Stop the load and join again: Locust calls this when no heartbeat has come for too long.

        Under another id, as the leader's socket may still know a connection of the one before, which is dead.
        """
        _LOG.warning(
            "the run was silent for %g s, or this process stood still: stopped the load", LEADER_LOST_S
        )
        self.stop()
        self._worker.end_load()
        self.worker_state = runners.STATE_INIT
        self.connection_event.clear()
        self._instead_of, self.client_id = self.client_id, f"{socket.gethostname()}_{uuid4().hex}"
        # Not Locust's `reset_connection`: it closes first, and who waits for a message then tries for ever.
        before, self.client = self.client, rpc.Client(self.master_host, self.master_port, self.client_id)
        before.close(linger=0)
        try:
            self._join(REJOIN_TRIES)
        except ConnectionError:
            self.is_lost = True
            super().quit()
        else:
            _LOG.info("joined the run again")


def main(host: str, port: int, cpu: int | None, instead_of: str = "") -> None:
    """Join, and work until the run is over; `cpu` is the CPU to run on, None for any."""
    _LOG.addHandler(logging.StreamHandler())
    _LOG.setLevel(logging.INFO)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    runners.MASTER_HEARTBEAT_TIMEOUT = LEADER_LOST_S
    _LOG.info("waiting for the run at %s:%d", host, port)
    environment = Environment()
    environment.stats = RequestStats(use_response_times_cache=False)  # as Locust has it for workers
    with tempfile.TemporaryDirectory(prefix="portcompare-") as folder:
        worker = Worker(environment, Path(folder))
        for number in (signal.SIGINT, signal.SIGTERM):
            gevent.signal_handler(number, worker.leave, 128 + number)
        try:
            runner = Joining(environment, host, port, worker, instead_of)
        except ConnectionError:
            _LOG.error("no run was found at %s:%d", host, port)
            sys.exit(EXIT_NOT_VALID)
        _LOG.info("joined the run at %s:%d", host, port)
        runner.greenlet.join()
    if runner.is_lost:
        _LOG.error("the run at %s:%d was lost", host, port)
        sys.exit(EXIT_NOT_VALID)
    _LOG.info("the run is over")


if __name__ == "__main__":
    _, own_host, own_port, *own = sys.argv
    main(own_host, int(own_port), int(own[0]) if own else None, *own[1:])
