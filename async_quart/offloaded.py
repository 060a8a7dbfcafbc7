"""The data after a call that blocks a thread, whatever serves the request."""

import time

from quart import Blueprint, Response, jsonify
from quart.utils import run_sync

from .config import Config
from .parameters import read_delay


def offloaded_blueprint(config: Config) -> Blueprint:
    """Build the route.

    Args:
        config: Its delays are the default and the limit of what a request may ask for.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("offloaded", __name__)

    @blueprint.get("/data/offloaded")
    async def offloaded() -> Response:
        """Answer the data."""
        await run_sync(time.sleep)(read_delay(config))
        return jsonify(message="Hello")

    return blueprint
