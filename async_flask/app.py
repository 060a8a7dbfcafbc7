"""The application: all of the Flask twin, and its data from a view that awaits."""

import asyncio
import os

from flask import Flask, Response, jsonify

from sync_flask import app as twin
from sync_flask.allowed import whole
from sync_flask.config import Config
from sync_flask.parameters import read_delay, read_parameter


def create_app(config: Config) -> Flask:
    """Build the application for one deployment.

    Args:
        config: What the deployment chose.

    Returns:
        An application ready to be served.
    """
    app = twin.create_app(config)
    padding_allowed = whole("bytes", config.data_max_padding_bytes)

    # As in the Quart twin. Flask runs it in an event loop of its own, for which the thread waits.
    async def data() -> Response:
        """Answer the data."""
        delay = read_delay(config)
        padding = read_parameter("padding", padding_allowed, default=0)
        if delay:
            await asyncio.sleep(delay)
        if padding:
            return jsonify(message="Hello", padding="x" * padding)
        return jsonify(message="Hello")

    app.view_functions["data.data"] = data
    return app


app = create_app(Config.from_environ(os.environ))
