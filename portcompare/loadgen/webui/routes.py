"""The routes of the side-by-side view in the app of Locust's web UI; in plain Locust they are added too."""

import gzip
import sys
from pathlib import Path
from typing import Final

import gevent
from flask import Blueprint, Response, abort, jsonify, render_template_string, request, send_from_directory
from gevent import subprocess
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner
from locust.web import WebUI

from portcompare.loadgen.session import DECLARED_TARGETS
from portcompare.loadgen.webui.board import Board, follow
from portcompare.loadgen.webui.form import FormError, read_budget
from portcompare.loadgen.webui.ledger import REPORT
from portcompare.loadgen.webui.live_load import Reporter
from portcompare.records.run_summary import RUNS, is_run
from portcompare.wire.protocol import RunRequest, UiArm, UiPlan

JSON: Final = "/side-by-side.json"  # the figures, which pages request once a second
_TEMPLATE_ARGS: Final = {
    "extended_tabs": [
        {"title": "Side by side", "key": "side-by-side"},
        {"title": "Load-test reports", "key": "load-test-reports"},
    ],
    "extended_csv_files": [{"href": "./side-by-side.csv", "title": "Download side by side CSV"}],
}
_ASSETS: Final = Path(__file__).with_name("assets")
_HEAD: Final = (
    '<link rel="stylesheet" href="./side-by-side/assets/side-by-side.css">'
    '<script src="./side-by-side/assets/first.js"></script>'  # before Locust's own, which are modules
    '<link rel="preload" as="script" href="./side-by-side/charts.js">'
    '<link rel="modulepreload" href="./side-by-side/assets/view.js">'
    '<link rel="modulepreload" href="./side-by-side/assets/charts.js"></head>'
)
_SCRIPT: Final = '<script type="module" src="./side-by-side/assets/tab.js"></script></body>'


def show_side_by_side(environment: Environment, runner: Runner, web_ui: WebUI | None, **_: object) -> None:
    """Show the declared targets side by side in plain Locust; a listener of Locust's `init` event."""
    if isinstance(runner, WorkerRunner):
        Reporter(environment)
        return
    if web_ui is None:
        if isinstance(runner, MasterRunner):  # its workers report all the same
            runner.register_message(REPORT, lambda **_: None)
        return
    if not isinstance(runner, MasterRunner):
        Reporter(environment)
    arms = tuple(UiArm(name=name, url="") for name in DECLARED_TARGETS.values())
    board = Board(UiPlan(name=environment.locustfile or "", arms=arms), RUNS)
    follow(board, environment, lambda: board.begin(None, processes=runner.worker_count))
    add_side_by_side(web_ui, board, environment.parsed_options.web_base_path)


def add_side_by_side(web_ui: WebUI, board: Board, base_path: str = "") -> None:
    """Add the tabs, the page and the routes that they request."""
    web_ui.template_args |= _TEMPLATE_ARGS
    routes = Blueprint("side_by_side", __name__, url_prefix=base_path or None)

    _add_files(routes, board)
    _add_figures(routes, board)

    @routes.post("/side-by-side/measure")
    def measure() -> tuple[Response, int]:
        # Read first: while the body is awaited, other requests are handled.
        budget = request.form.get("budget_s", str(board.plan.budget_s))
        settings = board.settings
        if settings is None or len(settings.arms) == 1:
            return _refuse("Start a test of two or more deployments first")
        if board.is_measuring:
            return _refuse("A run is under way already")
        try:
            budget_s = read_budget(budget)
        except FormError as error:
            return _refuse(str(error))
        board.request_run(RunRequest(settings=settings, budget_s=budget_s))
        stop_test(web_ui)
        return jsonify(success=True), 200

    @routes.post("/side-by-side/cancel")
    def cancel() -> tuple[Response, int]:
        if not board.is_measuring:
            return _refuse("No run is under way")
        board.cancel_run()
        return jsonify(success=True), 200

    routes.before_request(web_ui.auth_required_if_enabled(lambda: None))  # as Locust protects its own routes
    web_ui.app.register_blueprint(routes)

    @web_ui.app.after_request
    def add_scripts_to_index(response: Response) -> Response:
        if request.endpoint == "locust.index" and response.mimetype == "text/html":
            text = response.get_data(as_text=True)
            response.set_data(text.replace("</head>", _HEAD).replace("</body>", _SCRIPT))
        return response


def _refuse(message: str) -> tuple[Response, int]:
    return jsonify(success=False, message=message), 409


def _add_files(routes: Blueprint, board: Board) -> None:
    making_charts = gevent.spawn(_make_charts_script)  # now: later the load would slow it down

    @routes.get("/side-by-side")
    def page() -> str:
        text = (_ASSETS / "side-by-side.html").read_text(encoding="utf-8")
        return render_template_string(text, plan=board.plan.name)

    @routes.get("/side-by-side/assets/<path:path>")
    def asset(path: str) -> Response:
        return send_from_directory(_ASSETS, path)

    @routes.get("/side-by-side/charts.js")
    def charts() -> Response:
        response = Response(making_charts.get(), mimetype="text/javascript")
        response.content_encoding = "gzip"
        response.cache_control.max_age = 86_400
        return response

    @routes.get("/side-by-side/reports/<folder>/<path:name>")
    def report(folder: str, name: str) -> Response:
        if not any(one.name == folder and is_run(one) for one in board.runs.iterdir()):
            abort(404)
        files = (board.runs / folder).resolve()
        if not (files / name).resolve().is_relative_to(files):  # a link that leads elsewhere
            abort(404)
        response = send_from_directory(files, name)
        # What a run's files hold comes from the servers: no script in them may act for the viewer.
        response.headers["Content-Security-Policy"] = (
            "sandbox allow-scripts allow-downloads; frame-ancestors 'none'"
        )
        return response


def _add_figures(routes: Blueprint, board: Board) -> None:
    @routes.get(JSON)
    def as_json() -> Response:
        is_small = bool(request.accept_encodings["gzip"])
        body = board.snapshot.json_gzip if is_small else board.snapshot.json
        response = Response(body, mimetype="application/json")
        if is_small:
            response.content_encoding = "gzip"
        response.vary.add("Accept-Encoding")
        response.cache_control.no_store = True
        return response

    @routes.get("/side-by-side.csv")
    def as_csv() -> Response:
        response = Response(board.snapshot.csv, mimetype="text/csv")
        response.headers["Content-Disposition"] = "attachment; filename=side-by-side.csv"
        return response


def stop_test(web_ui: WebUI) -> None:
    """Stop the running test, if any, as Locust's button does.

    To stop the runner is not enough: it would go on starting users, and so would the clock of a run time.
    """
    web_ui.app.view_functions["locust.stop"]()


def _make_charts_script() -> bytes:
    """Vega-Lite as a compressed script, from the package that draws the reports' charts: without network."""
    # In another process: it takes a second, and leaves a JavaScript engine in memory. Without our stdin: the
    # engine would make that blocking, and with it this whole process.
    command = [sys.executable, "-c", "import vl_convert; print(vl_convert.javascript_bundle())"]
    made = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return gzip.compress(made.stdout)
