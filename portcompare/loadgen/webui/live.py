"""Locust's web UI over the workers that a load-generator process leads."""

import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import gevent
import locust
from flask import Response, jsonify, request
from gevent.pywsgi import WSGIServer
from locust.argument_parser import get_parser
from locust.runners import STATE_RUNNING, STATE_SPAWNING
from werkzeug.datastructures import ImmutableMultiDict

from portcompare.loadgen.distributed_runner import BeginLive, DistributedRunner
from portcompare.loadgen.open_model import Share
from portcompare.loadgen.session import DECLARED_TARGETS
from portcompare.loadgen.webui.access import refuse_other_sites, require_login
from portcompare.loadgen.webui.board import Board, follow, replaying
from portcompare.loadgen.webui.form import FormError, fields_of, read_form
from portcompare.loadgen.webui.live_load import make_live_class
from portcompare.loadgen.webui.routes import JSON, add_side_by_side, stop_test
from portcompare.wire.protocol import LiveSettings, OpenUi, ShowState, UiRequest

_LOG: Final = logging.getLogger(__name__)
_NICENESS: Final = 10  # of this process: where viewers and workers need the same CPU, the viewers wait
_WORKERS_LIMIT_S: Final = 10.0


class LiveUi:
    """The running UI."""

    def __init__(self, order: OpenUi, runner: DistributedRunner) -> None:
        """Serve the UI; raises OSError if the address cannot be listened on."""
        self._order = order
        self._runner = runner
        self._test = 0
        self._next: LiveSettings | None = None
        self._board = Board(order.plan, Path(order.runs))
        self._workers = runner.master.expected
        self._shares: dict[str, Share] = {}  # Of each worker of the test that was begun last
        self._classes = {name: make_live_class(name, user) for name, user in runner.load_users().items()}
        self._environment = environment = runner.master.environment
        environment.host = order.plan.name  # shown in the UI's head; the arms have addresses of their own
        environment.locustfile = order.plan.name
        environment.user_classes = list(self._classes.values())
        if order.picks_classes:
            environment.available_user_classes = self._classes
            environment.available_user_tasks = {name: made.tasks for name, made in self._classes.items()}
        sys.argv = ["portcompare"]  # Locust parses it whenever it shows its form
        DECLARED_TARGETS.clear()  # the arms are those of the plan
        locust.events.init_command_line_parser.add_listener(self._add_fields)
        environment.parsed_options = get_parser().parse_args([])
        first = next(iter(order.plan.scenarios.values()))
        environment.parsed_options.num_users = first.users * len(order.plan.arms)
        environment.parsed_options.spawn_rate = environment.parsed_options.num_users
        environment.parsed_options.enable_rebalancing = True  # to the other workers when one is lost
        self._web_ui = environment.create_web_ui(
            host=order.host,
            port=order.port,
            web_login=order.password_hash is not None,
            delayed_start=True,
            userclass_picker_is_active=order.picks_classes,
        )
        self._web_ui.app.debug = False
        refuse_other_sites(self._web_ui.app, order.host)
        if order.password_hash is not None:
            require_login(self._web_ui, order.password_hash)
        self._web_ui.app.before_request(self._read_form)
        add_side_by_side(self._web_ui, self._board)
        follow(self._board, environment, self._begin_test)
        environment.events.worker_connect.add_listener(self._join_test)
        runner.on_change = lambda change: self._board.mark(change.text)
        os.nice(_NICENESS)
        self._web_ui.server = server = WSGIServer(
            (order.host, order.port),
            self._web_ui.app,
            log=None,
            error_log=_LOG,
            handler_class=replaying(JSON, self._board),
        )
        server.start()
        host = f"[{order.host}]" if ":" in order.host else order.host
        self.url = f"http://{host}:{server.server_port}"

    def exchange(self, order: ShowState) -> UiRequest:
        """Show what the harness knows; the reply is what a viewer has requested."""
        self._board.show(order)
        return UiRequest(measure=self._board.take_request())

    def _add_fields(self, parser: Any, **_: object) -> None:  # noqa: ANN401 - untyped
        """Add our fields to Locust's form, which shows the options of its command line."""
        for name, options in fields_of(self._order.plan, picks_classes=self._order.picks_classes).items():
            parser.add_argument(f"--{name}", **options)

    def _read_form(self) -> Response | None:
        """Turn our form into Locust's, before Locust reads it; a change of a running test ends that first."""
        if request.endpoint != "locust.swarm":
            return None
        runner, form = self._runner.master, request.form
        running = self._board.settings if runner.state in (STATE_RUNNING, STATE_SPAWNING) else None
        try:
            settings = read_form(form.to_dict(flat=False), self._order.plan, running)
        except FormError as error:
            return jsonify(success=False, message=str(error), host=self._environment.host)
        stop_test(self._web_ui)
        runner.expected = self._workers
        with gevent.Timeout(_WORKERS_LIMIT_S, exception=False):
            while len(runner.clients.ready) < self._workers:  # after a test they get ready one by one
                gevent.sleep(0.05)
        if settings.model == "open":  # each worker sends a part of the rate, and needs a connection for it
            settings = replace(settings, users=max(settings.users, len(runner.clients.ready)))
        self._next = settings
        if not self._order.picks_classes:
            self._environment.user_classes = [self._classes[name] for name in settings.scenarios]
        users = settings.users * len(settings.arms) * len(settings.scenarios)
        request.form = ImmutableMultiDict(
            [
                ("user_count", str(users)),
                *((name, form[name]) for name in ("spawn_rate", "run_time") if name in form),
                *(("user_classes", name) for name in settings.scenarios),
            ]
        )
        return None

    def _begin_test(self) -> None:
        """Send each worker its share, just before Locust has them start users."""
        assert self._next is not None  # noqa: S101 - a form was read
        self._test += 1
        workers = [client.id for client in self._runner.master.clients.ready]
        self._runner.master.expected = len(workers)  # one that joins takes a share that a lost one had
        self._board.begin(self._test, self._next, processes=len(workers))
        self._shares = {}
        for index, worker in enumerate(workers):
            self._send_share(worker, Share(index=index, processes=len(workers)))

    def _send_share(self, worker: str, share: Share) -> None:
        assert self._next is not None  # noqa: S101 - as above
        self._shares[worker] = share
        begin = BeginLive(test=self._test, plan=self._order.plan, settings=self._next, share=share)
        self._runner.send(begin, worker)

    def _join_test(self, client_id: str, **_: object) -> None:
        """Send a worker that joins a running test the share of one that was lost, before it gets users."""
        master = self._runner.master
        if master.state not in (STATE_RUNNING, STATE_SPAWNING) or client_id in self._shares:
            return
        there = {*master.alive()} - {master.introductions[client_id].instead_of}
        free = [worker for worker in self._shares if worker not in there]
        if free:  # else it was one worker too many when the test began
            self._send_share(client_id, self._shares.pop(free[0]))
