"""The application, put together from its settings and its routes."""

import os

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from . import cached, data, pages, upstream
from .config import Config
from .errors import problem
from .timing import report_duration, start_clock


def create_app(config: Config) -> Flask:
    """Create the application for one deployment."""
    app = Flask(__name__, static_folder=None)
    # No traceback ever reaches a client, whatever the environment says about debugging.
    app.config["DEBUG"] = False
    app.before_request(start_clock)
    app.after_request(report_duration)
    app.register_error_handler(HTTPException, problem)

    @app.get("/healthz")
    def health() -> Response:
        """Report that the service is ready."""
        return jsonify(status="ok")

    data.add_routes(app, config)
    cached.add_routes(app, config)
    upstream.add_routes(app, config)
    pages.add_routes(app)
    return app


app = create_app(Config.from_environ(os.environ))
