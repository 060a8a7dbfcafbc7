"""The data after a call that blocks: a whole thread where there are threads, else the event loop."""

import time

from quart import Blueprint, Response, jsonify

from .config import Config
from .parameters import read_delay


def blocking_blueprint(config: Config) -> Blueprint:
    """Build the route.

    Args:
        config: Its delays are the default and the limit of what a request may ask for.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("blocking", __name__)

    @blueprint.get("/data/blocking")
    async def blocking() -> Response:
        """Answer the data."""
        time.sleep(read_delay(config))
        return jsonify(message="Hello")

    return blueprint
