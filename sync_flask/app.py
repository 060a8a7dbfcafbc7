"""The application: the parts put together."""

import os

from flask import Flask
from werkzeug.exceptions import HTTPException

from .blocking import blocking_blueprint
from .cached import cached_blueprint
from .computed import computed_blueprint
from .config import Config
from .data import data_blueprint
from .dictionary import dictionary_blueprint
from .errors import problem
from .health import health_blueprint
from .offloaded import offloaded_blueprint
from .page import page_blueprint
from .table import table_blueprint
from .timing import report_duration, start_clock
from .upstream import upstream_blueprint


def create_app(config: Config) -> Flask:
    """Build the application for one deployment.

    Args:
        config: What the deployment chose.

    Returns:
        An application ready to be served.
    """
    app = Flask(__name__, static_folder=None)
    # Whatever the environment says about debugging: no traceback ever reaches a client.
    app.config["DEBUG"] = False
    app.before_request(start_clock)
    app.after_request(report_duration)
    app.register_error_handler(HTTPException, problem)
    for blueprint in (
        data_blueprint(config),
        blocking_blueprint(config),
        cached_blueprint(config),
        computed_blueprint(),
        dictionary_blueprint(),
        offloaded_blueprint(config),
        upstream_blueprint(config),
        page_blueprint(),
        table_blueprint(),
        health_blueprint(),
    ):
        app.register_blueprint(blueprint)
    return app


app = create_app(Config.from_environ(os.environ))
