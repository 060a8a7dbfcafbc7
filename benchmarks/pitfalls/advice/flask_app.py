"""A Flask app whose routes wait, compute, or do neither."""

import time

from flask import Flask

app = Flask(__name__)


@app.get("/wait")
def wait() -> str:
    """Wait as for a database."""
    time.sleep(0.05)
    return "done"


@app.get("/brief")
def brief() -> str:
    """Wait, but not for long."""
    time.sleep(0.02)
    return "done"


@app.get("/compute")
def compute() -> str:
    """Keep a CPU busy for a millisecond."""
    return str(sum(number * number for number in range(10_000)))
