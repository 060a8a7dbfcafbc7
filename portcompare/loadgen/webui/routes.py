"""The routes of the side-by-side view, in the app of Locust's own web UI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, abort, jsonify, render_template_string, request, send_from_directory
from locust.runners import STATE_RUNNING, STATE_SPAWNING

from portcompare.loadgen.webui.charts_script import charts_script
from portcompare.loadgen.webui.runs_folder import find_runs

if TYPE_CHECKING:
    from locust.web import WebUI

    from portcompare.loadgen.webui.board import Board

TAB: Final = {"title": "Side by side", "key": "side-by-side"}
REPORTS_TAB: Final = {"title": "Load-test reports", "key": "load-test-reports"}
CSV: Final = {"href": "./side-by-side.csv", "title": "Download side by side CSV"}

_ASSETS: Final = Path(__file__).with_name("assets")
_PAGE: Final = (_ASSETS / "side-by-side.html").read_text(encoding="utf-8")
_SCRIPTS: Final = (
    '<link rel="stylesheet" href="./side-by-side/assets/side-by-side.css">'
    '<script type="module" src="./side-by-side/assets/tab.js"></script></body>'
)
_A_DAY_S: Final = 86_400
_UNFINISHED: Final = (STATE_RUNNING, STATE_SPAWNING)


def add_side_by_side(web_ui: WebUI, board: Board, runs: Path, base_path: str = "") -> None:
    """Add the tabs, the page, and what they are made of.

    Args:
        web_ui: Locust's web UI.
        board: What is shown.
        runs: The folder of finished runs.
        base_path: Where the UI's own routes begin.
    """
    web_ui.template_args |= {
        "extended_tabs": [TAB, REPORTS_TAB],
        "extended_csv_files": [CSV],
    }
    routes = Blueprint("side_by_side", __name__, url_prefix=base_path or None)

    @routes.get("/side-by-side")
    def page() -> str:
        return render_template_string(_PAGE, plan=board.plan.name)

    @routes.get("/side-by-side.json")
    def as_json() -> Response:
        is_small = "gzip" in request.accept_encodings
        response = Response(
            board.snapshot.json_gzip if is_small else board.snapshot.json, mimetype="application/json"
        )
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

    @routes.get("/side-by-side/assets/<path:name>")
    def assets(name: str) -> Response:
        return send_from_directory(_ASSETS, name)

    @routes.get("/side-by-side/charts.js")
    def charts() -> Response:
        response = Response(charts_script(), mimetype="text/javascript")
        response.content_encoding = "gzip"
        response.cache_control.max_age = _A_DAY_S
        return response

    @routes.get("/side-by-side/reports/<folder>/<path:name>")
    def report(folder: str, name: str) -> Response:
        if folder not in {run.folder for run in find_runs(runs)}:
            abort(404)
        return send_from_directory((runs / folder).resolve(), name)

    @routes.post("/side-by-side/measure")
    def measure() -> Any:  # noqa: ANN401 - whatever Flask answers with
        if board.settings is None:
            return jsonify(success=False, message="Start a test first: its settings are measured"), 409
        if board.run is not None and board.run.state == "running":
            return jsonify(success=False, message="A run is under way already"), 409
        runner = web_ui.environment.runner
        if runner.state in _UNFINISHED:
            runner.stop()
        board.wished = board.settings
        return jsonify(success=True)

    @routes.before_request
    def protect() -> Any:  # noqa: ANN401 - as above
        """As Locust protects its own routes where it is told to."""
        return web_ui.auth_required_if_enabled(lambda: None)()

    web_ui.app.register_blueprint(routes)

    @web_ui.app.after_request
    def put_into_index(response: Response) -> Response:
        if request.endpoint == "locust.index" and response.mimetype == "text/html":
            response.set_data(response.get_data(as_text=True).replace("</body>", _SCRIPTS))
        return response
