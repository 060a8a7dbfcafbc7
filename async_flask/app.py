"""The application: the Flask twin with a view for /data that awaits."""

import asyncio
import os

from flask import Flask, Response, jsonify

from sync_flask import app as twin
from sync_flask.config import Config
from sync_flask.parameters import read_count, read_delay


def create_app(config: Config) -> Flask:
    """Create the application for one deployment."""
    app = twin.create_app(config)

    # As in the Quart twin. Flask runs it in an event loop of its own, for which the thread waits.
    async def data() -> Response:
        delay_s = read_delay(config)
        padding_bytes = read_count("padding", unit="bytes", maximum=config.data_max_padding_bytes)
        if delay_s:
            await asyncio.sleep(delay_s)
        if padding_bytes:
            return jsonify(message="Hello", padding="x" * padding_bytes)
        return jsonify(message="Hello")

    app.view_functions["data"] = data
    return app


app = create_app(Config.from_environ(os.environ))
