"""The patterns of a slow route that keep no state between requests."""

import time
from hashlib import sha256

from flask import Flask, Response, jsonify

from .config import Config
from .parameters import read_count, read_delay

MAX_WORK = 1_000_000


def add_routes(app: Flask, config: Config) -> None:
    """Add the routes to the application."""

    @app.get("/data")
    def data() -> Response:
        """Wait, then send the message with as much padding as requested."""
        delay_s = read_delay(config)
        padding_bytes = read_count("padding", unit="bytes", maximum=config.data_max_padding_bytes)
        if delay_s:
            time.sleep(delay_s)
        if padding_bytes:
            return jsonify(message="Hello", padding="x" * padding_bytes)
        return jsonify(message="Hello")

    @app.get("/data/blocking")
    def blocking() -> Response:
        """Block a thread where there are threads, else the event loop."""
        time.sleep(read_delay(config))
        return jsonify(message="Hello")

    @app.get("/data/offloaded")
    def offloaded() -> Response:
        """Block a thread, never the event loop."""
        time.sleep(read_delay(config))
        return jsonify(message="Hello")

    @app.get("/data/computed")
    def computed() -> Response:
        """Hold the interpreter by computing."""
        work = read_count("work", unit="steps", maximum=MAX_WORK)
        return jsonify(message="Hello", digest=_compute(work))

    @app.get("/data/dict")
    def dictionary() -> dict[str, str]:
        """Return a dictionary, from which the framework makes JSON."""
        return {"message": "Hello"}


def _compute(steps: int) -> str:
    """Hash a hash so many times: work that nothing can shorten."""
    digest = b""
    for _ in range(steps):
        digest = sha256(digest).digest()
    return digest.hex()
