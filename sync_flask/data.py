"""The data, after a simulated delay and with padding, if they are asked for."""

import time

from flask import Blueprint, Response, jsonify

from .allowed import whole
from .config import Config
from .parameters import read_delay, read_parameter


def data_blueprint(config: Config) -> Blueprint:
    """Build the route of the data.

    Args:
        config: Its delays are the default and the limit of what a request may ask for, and its padding
            is that limit.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("data", __name__)
    padding_allowed = whole("bytes", config.data_max_padding_bytes)

    @blueprint.get("/data")
    def data() -> Response:
        """Answer the data."""
        delay = read_delay(config)
        padding = read_parameter("padding", padding_allowed, default=0)
        if delay:
            time.sleep(delay)
        if padding:
            return jsonify(message="Hello", padding="x" * padding)
        return jsonify(message="Hello")

    return blueprint
