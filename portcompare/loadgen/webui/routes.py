"""The routes of the side-by-side view, in the app of Locust's own web UI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, abort, jsonify, render_template_string, request, send_from_directory

from portcompare.loadgen.webui.charts_script import charts_script
from portcompare.loadgen.webui.runs_folder import find_runs
from portcompare.loadgen.webui.stopping import stop_test

if TYPE_CHECKING:
    from locust.web import WebUI

    from portcompare.loadgen.webui.board import Board

TAB: Final = {"title": "Side by side", "key": "side-by-side"}
REPORTS_TAB: Final = {"title": "Load-test reports", "key": "load-test-reports"}
JSON: Final = "/side-by-side.json"
"""Where the figures are that the page asks for once a second."""

CSV: Final = {"href": "./side-by-side.csv", "title": "Download side by side CSV"}

_ASSETS: Final = Path(__file__).with_name("assets")
_PAGE: Final = (_ASSETS / "side-by-side.html").read_text(encoding="utf-8")
_SCRIPTS: Final = (
    '<link rel="stylesheet" href="./side-by-side/assets/side-by-side.css">'
    '<script type="module" src="./side-by-side/assets/tab.js"></script></body>'
)
_A_DAY_S: Final = 86_400


def add_side_by_side(web_ui: WebUI, board: Board, runs: Path, base_path: str = "") -> None:
    """Add the tabs, the page, and what they are made of."""
    web_ui.template_args |= {"extended_tabs": [TAB, REPORTS_TAB], "extended_csv_files": [CSV]}
    views = _Views(web_ui, board, runs)
    routes = Blueprint("side_by_side", __name__, url_prefix=base_path or None)
    routes.get("/side-by-side")(views.page)
    routes.get(JSON)(views.as_json)
    routes.get("/side-by-side.csv")(views.as_csv)
    routes.get("/side-by-side/assets/<path:name>")(views.asset)
    routes.get("/side-by-side/charts.js")(views.charts)
    routes.get("/side-by-side/reports/<folder>/<path:name>")(views.report)
    routes.post("/side-by-side/measure")(views.measure)
    # As Locust protects its own routes, where it is told to.
    routes.before_request(web_ui.auth_required_if_enabled(lambda: None))
    web_ui.app.register_blueprint(routes)
    web_ui.app.after_request(_put_into_index)


class _Views:
    """What each route answers."""

    def __init__(self, web_ui: WebUI, board: Board, runs: Path) -> None:
        self._web_ui = web_ui
        self._board = board
        self._runs = runs
        self._is_stopping = False

    def page(self) -> str:
        return render_template_string(_PAGE, plan=self._board.plan.name)

    def as_json(self) -> Response:
        snapshot, is_small = self._board.snapshot, bool(request.accept_encodings["gzip"])
        response = Response(snapshot.json_gzip if is_small else snapshot.json, mimetype="application/json")
        if is_small:
            response.content_encoding = "gzip"
        response.vary.add("Accept-Encoding")
        response.cache_control.no_store = True
        return response

    def as_csv(self) -> Response:
        response = Response(self._board.snapshot.csv, mimetype="text/csv")
        response.headers["Content-Disposition"] = "attachment; filename=side-by-side.csv"
        return response

    def asset(self, name: str) -> Response:
        return send_from_directory(_ASSETS, name)

    def charts(self) -> Response:
        response = Response(charts_script(), mimetype="text/javascript")
        response.content_encoding = "gzip"
        response.cache_control.max_age = _A_DAY_S
        return response

    def report(self, folder: str, name: str) -> Response:
        if folder not in {run.folder for run in find_runs(self._runs)}:
            abort(404)
        return send_from_directory((self._runs / folder).resolve(), name)

    def measure(self) -> tuple[Response, int]:
        board, settings = self._board, self._board.settings
        if settings is None or len(settings.arms) == 1:
            return jsonify(success=False, message="Start a test of two or more arms first"), 409
        if self._is_stopping or board.is_measuring:
            return jsonify(success=False, message="A run is under way already"), 409
        self._is_stopping = True  # which takes a while, and another viewer may wish the same meanwhile
        try:
            stop_test(self._web_ui)
            board.wished = settings
        finally:
            self._is_stopping = False
        return jsonify(success=True), 200


def _put_into_index(response: Response) -> Response:
    """Have Locust's own page load our script."""
    if request.endpoint == "locust.index" and response.mimetype == "text/html":
        response.set_data(response.get_data(as_text=True).replace("</body>", _SCRIPTS))
    return response
