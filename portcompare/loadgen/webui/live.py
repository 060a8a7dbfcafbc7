"""Locust's web UI over the workers that a load-generator process leads."""

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import gevent
import locust
from flask import Response, jsonify, request
from gevent.pywsgi import WSGIServer
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, STATE_STOPPING
from locust.util.timespan import parse_timespan
from locust.web import WebUI
from werkzeug.datastructures import ImmutableMultiDict

from portcompare.loadgen.distributed_runner import BeginLive, DistributedRunner
from portcompare.loadgen.open_model import Share
from portcompare.loadgen.session import DECLARED_TARGETS
from portcompare.loadgen.webui.access import refuse_other_sites, require_login
from portcompare.loadgen.webui.board import Board, follow, replaying
from portcompare.loadgen.webui.form import FormError, fields_of, propose, read_form
from portcompare.loadgen.webui.live_load import make_live_class
from portcompare.loadgen.webui.routes import JSON, add_side_by_side, stop_test
from portcompare.wire.protocol import OpenUi, ShowState, UiRequest

_LOG: Final = logging.getLogger(__name__)
_LOADING: Final = (STATE_RUNNING, STATE_SPAWNING)
_NICENESS: Final = 10  # of this process: where viewers and workers need the same CPU, the viewers wait
_WORKERS_LIMIT_S: Final = 10.0


class _WebUi(WebUI):
    """Locust's web UI whose form shows what runs, or ran last; all numbers are those of one deployment."""

    def __init__(
        self, environment: Environment, order: OpenUi, shown_now: Callable[[], dict[str, Any]]
    ) -> None:
        self._shown_now = shown_now
        super().__init__(
            environment,
            order.host,
            order.port,
            web_login=order.password_hash is not None,
            delayed_start=True,
            userclass_picker_is_active=order.picks_classes,
        )

    def update_template_args(self) -> None:
        """Add what the form of a page that is loaded now shows."""
        super().update_template_args()
        self.template_args |= self._shown_now()
        # A page that gets the state of 2 s ago from the cache would take it for that of now, for good.
        if "locust.request_stats" in self.app.view_functions:
            self.app.view_functions["locust.request_stats"].clear_cache()


class LiveUi:
    """The running UI."""

    def __init__(self, order: OpenUi, runner: DistributedRunner) -> None:
        """Serve the UI; raises OSError if the address cannot be listened on."""
        self._order = order
        self._runner = runner
        self._test = 0
        self._form = propose(order.plan)  # What runs, or ran last
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
        environment.parsed_options.enable_rebalancing = True  # to the other workers when one is lost
        self._web_ui = _WebUi(environment, order, self._show)
        self._web_ui.app.debug = False
        self._web_ui.app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}  # our fields' order
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
        is_loading = self._runner.master.state in (*_LOADING, STATE_STOPPING)
        return self._board.take_request(is_loading=is_loading)

    def _show(self) -> dict[str, Any]:
        """What a page shows that is loaded now; the names are those of Locust, but for the test's number."""
        users = dict.fromkeys(("user_count", "num_users"), self._form.settings.users)
        times = {"spawn_rate": self._form.ramp_up, "run_time": self._form.run_time}
        return users | times | {"side_by_side_test": self._test or None}

    def _add_fields(self, parser: Any, **_: object) -> None:  # noqa: ANN401 - untyped
        """Add our fields to Locust's form, which shows the options of its command line."""
        shown, picks_classes = self._form.settings, self._order.picks_classes
        for name, options in fields_of(self._order.plan, shown, picks_classes=picks_classes).items():
            parser.add_argument(f"--{name}", **options)

    def _read_form(self) -> Response | None:
        """Turn our form into Locust's, before Locust reads it; a change of a running test ends that first."""
        if request.endpoint != "locust.swarm":
            return None
        runner, form = self._runner.master, request.form.to_dict(flat=False)
        try:
            self._refuse_beside_run()
            read = read_form(form, self._order.plan, self._form if runner.state in _LOADING else None)
            if read.run_time:
                _read_run_time(read.run_time)
            stop_test(self._web_ui)
            runner.expected = self._workers
            with gevent.Timeout(_WORKERS_LIMIT_S, exception=False):
                while len(runner.clients.ready) < self._workers:  # after a test they get ready one by one
                    gevent.sleep(0.05)
            self._refuse_beside_run()  # which may have been requested meanwhile
        except FormError as error:
            return jsonify(success=False, message=str(error), host=self._environment.host)
        settings = read.settings
        if settings.model == "open":  # each worker sends a part of the rate, and needs a connection for it
            settings = replace(settings, users=max(settings.users, len(runner.clients.ready)))
        self._form = read = replace(read, settings=settings)
        if not self._order.picks_classes:
            self._environment.user_classes = [self._classes[name] for name in settings.scenarios]
        lines = len(settings.arms) * len(settings.scenarios)
        request.form = ImmutableMultiDict(
            [
                ("user_count", str(settings.users * lines)),
                ("spawn_rate", str(read.ramp_up * lines)),
                ("run_time", read.run_time),
                *(("user_classes", name) for name in settings.scenarios),
            ]
        )
        return None

    def _refuse_beside_run(self) -> None:
        if self._board.is_measuring:
            remedy = "wait for its end, or cancel it in the tab Side by side"
            raise FormError(f"A run measures on this machine, and a test would disturb it: {remedy}")

    def _begin_test(self) -> None:
        """Send each worker its share, just before Locust has them start users."""
        self._test += 1
        workers = [client.id for client in self._runner.master.clients.ready]
        self._runner.master.expected = len(workers)  # one that joins takes a share that a lost one had
        self._board.begin(self._test, self._form.settings, processes=len(workers))
        self._shares = {}
        for index, worker in enumerate(workers):
            self._send_share(worker, Share(index=index, processes=len(workers)))

    def _send_share(self, worker: str, share: Share) -> None:
        self._shares[worker] = share
        begin = BeginLive(test=self._test, plan=self._order.plan, settings=self._form.settings, share=share)
        self._runner.send(begin, worker)

    def _join_test(self, client_id: str, **_: object) -> None:
        """Send a worker that joins a running test the share of one that was lost, before it gets users."""
        master = self._runner.master
        if master.state not in _LOADING or client_id in self._shares:
            return
        there = {*master.alive()} - {master.introductions[client_id].instead_of}
        free = [worker for worker in self._shares if worker not in there]
        if free:  # else it was one worker too many when the test began
            self._send_share(client_id, self._shares.pop(free[0]))


def _read_run_time(text: str) -> None:
    """Refuse a run time that Locust cannot read, or takes for none: it would end the running test first."""
    try:
        is_time = parse_timespan(text) > 0
    except ValueError:
        is_time = False
    if not is_time:
        raise FormError(f"Run time is {text!r}: enter a time such as 20s, 3m or 1h20m, or nothing")
