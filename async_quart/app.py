"""The application: the parts put together."""

import os

from quart import Quart
from werkzeug.exceptions import HTTPException

from .config import Config
from .data import data_blueprint
from .errors import problem
from .health import health_blueprint
from .timing import report_duration, start_clock


def create_app(config: Config) -> Quart:
    """Build the application for one deployment.

    Args:
        config: What the deployment chose.

    Returns:
        An application ready to be served.
    """
    app = Quart(__name__, static_folder=None)
    # Whatever the environment says about debugging: no traceback ever reaches a client.
    app.config["DEBUG"] = False
    app.before_request(start_clock)
    app.after_request(report_duration)
    app.register_error_handler(HTTPException, problem)
    app.register_blueprint(data_blueprint(config))
    app.register_blueprint(health_blueprint())
    return app


app = create_app(Config.from_environ(os.environ))
