"""A worker process: joins a leading process, on this machine or another, and does its part of each round.

Run as a program: `python -m portcompare.loadgen.worker HOST PORT [CPU]`. It ends with status 0 when the run
does, and with 3 when the leading process was lost.
"""

import logging
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Final, NoReturn

import gevent
from locust import runners
from locust.env import Environment
from locust.rpc import Message
from locust.stats import RequestStats

from portcompare.errors import EXIT_INTERRUPTED, EXIT_NOT_VALID
from portcompare.loadgen import distributed_runner as messages
from portcompare.loadgen.distributed_runner import LoadScenarios, OpenWindow, StartPart
from portcompare.loadgen.figures import PartResult
from portcompare.loadgen.local_runner import LocalRunner, WarmUp
from portcompare.loadgen.webui.live_load import LiveLoad
from portcompare.wire.protocol import Prepare, Prepared, concurrency_of, encode

_LOG = logging.getLogger(__name__)

LEADER_LOST_S: Final = 30.0
"""Without a heartbeat for so long the leader is lost; Locust's own minute is long for a server under load."""

TRY_S: Final = 1.0  # How long an attempt to join waits for the leader
TRIES: Final = 3600  # A worker waits an hour for its run


class Worker:
    """Carries out the leader's messages."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self._environment = environment
        self._folder = folder  # For a locustfile that this machine does not have
        self._runner = LocalRunner()
        self._live: LiveLoad | None = None
        self._doing: gevent.Greenlet | None = None

    def receive(self, msg: Message, **_: object) -> None:
        """Carry out a message, in a greenlet of its own: Locust goes on listening meanwhile."""
        try:
            message = messages.decode_to_worker(msg.data)
        except ValueError:  # the leader runs another version
            traceback.print_exc()
            self.leave(EXIT_NOT_VALID)
        match message:
            case messages.ShortenWindow():  # for the greenlet that measures
                self._runner.close_window(message.window_s)
            case messages.BeginLive():  # at once: Locust's own order to start users comes next
                self._end()
                self._live = LiveLoad(self._environment, self._runner.users, message)
            case messages.EndPart():
                self._end()
            case _:
                self._doing = gevent.spawn(self._carry_out, message)

    def _carry_out(self, message: LoadScenarios | StartPart | OpenWindow) -> None:
        content: Prepared | WarmUp | PartResult
        try:
            match message:
                case LoadScenarios():
                    content = self._runner.prepare(self._with_locustfile(message))
                case StartPart(order=order, share=share):
                    total = concurrency_of(order.load)
                    _LOG.info("%s, %d of %d, %s", order.scenario, share.of(total), total, order.url)
                    content = self._runner.warm_up(order, share, message.captured)
                case OpenWindow():
                    content = self._runner.measure_part(message.notice_s)
            reply = messages.Reply(number=message.number, version=version("portcompare"), content=content)
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

    def _end(self) -> None:
        if self._doing is not None:
            self._doing.kill()
        self._runner.end_round()
        if self._live is not None:
            self._live.end()
            self._live = None

    def leave(self, status: int) -> NoReturn:
        """Tell the leader, and end this process."""
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)
        gevent.sleep(0.1)  # for the message to leave
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(status)


def _join(
    environment: Environment, host: str, port: int, receive: Callable[..., None]
) -> runners.WorkerRunner:
    """Join a leader, ready for its messages: the first may come together with its acknowledgement."""

    class Joining(runners.WorkerRunner):
        def connect_to_master(self) -> None:
            """Join; Locust's own calls itself for each attempt, deeper and deeper."""
            self.environment.runner = self
            self.register_message(messages.TYPE, receive)
            for attempt in range(TRIES):
                self.client.send(Message("client_ready", version("locust"), self.client_id))
                if self.connection_event.wait(timeout=TRY_S):
                    self.connected = True
                    return
                if not attempt:
                    _LOG.info("no run is there yet; waiting")
            raise ConnectionError

    environment.stats = RequestStats(use_response_times_cache=False)  # as Locust has it for workers
    return Joining(environment, host, port)


def main(host: str, port: int, cpu: int | None) -> None:
    """Join, and work until the run is over; `cpu` is the CPU to run on, None for any."""
    _LOG.addHandler(logging.StreamHandler())
    _LOG.setLevel(logging.INFO)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    runners.MASTER_HEARTBEAT_TIMEOUT = LEADER_LOST_S
    _LOG.info("waiting for the run at %s:%d", host, port)
    environment = Environment()
    with tempfile.TemporaryDirectory(prefix="portcompare-") as folder:
        worker = Worker(environment, Path(folder))
        gevent.signal_handler(signal.SIGTERM, worker.leave, 128 + signal.SIGTERM)
        try:
            runner = _join(environment, host, port, worker.receive)
        except ConnectionError:
            _LOG.error("no run was found at %s:%d", host, port)
            sys.exit(EXIT_NOT_VALID)
        except KeyboardInterrupt:
            sys.exit(EXIT_INTERRUPTED)
        _LOG.info("joined the run at %s:%d", host, port)
        try:
            runner.greenlet.join()
        except KeyboardInterrupt:
            worker.leave(EXIT_INTERRUPTED)
    if time.time() - (runner.last_heartbeat_timestamp or 0.0) > LEADER_LOST_S:
        _LOG.error("the run at %s:%d was lost", host, port)
        sys.exit(EXIT_NOT_VALID)
    _LOG.info("the run is over")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)  # noqa: PLR2004
