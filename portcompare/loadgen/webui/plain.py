"""The same tabs in plain Locust, for a locustfile that declares its targets."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from locust.runners import MasterRunner, WorkerRunner

from portcompare.loadgen.session import DECLARED_TARGETS
from portcompare.loadgen.webui.board import Board
from portcompare.loadgen.webui.following import follow
from portcompare.loadgen.webui.reporter import Reporter
from portcompare.loadgen.webui.reports import TYPE
from portcompare.loadgen.webui.routes import add_side_by_side
from portcompare.loadgen.webui.runs_folder import find_runs
from portcompare.wire.ui_protocol import UiArm, UiPlan

if TYPE_CHECKING:
    from locust.env import Environment
    from locust.runners import Runner
    from locust.web import WebUI

_RUNS: Final = Path("runs")


def show_side_by_side(environment: Environment, runner: Runner, web_ui: WebUI | None, **_: object) -> None:
    """Show the targets side by side in Locust's web UI; a listener of Locust's `init` event.

    `web_ui`: its web UI; None without one.
    """
    if isinstance(runner, WorkerRunner):
        Reporter(environment)
        return
    if web_ui is None:
        if isinstance(runner, MasterRunner):  # whose workers report, not knowing that nobody looks
            runner.register_message(TYPE, lambda **_: None)
        return
    if not isinstance(runner, MasterRunner):
        Reporter(environment)
    arms = tuple(UiArm(name=name, url="") for name in DECLARED_TARGETS.values())
    board = Board(UiPlan(name=environment.locustfile or "", arms=arms), partial(find_runs, _RUNS))
    follow(board, environment, lambda: board.begin(None, processes=runner.worker_count))
    add_side_by_side(web_ui, board, _RUNS, environment.parsed_options.web_base_path)
