"""The Flask twin, with more CPU time a request: the environment says how often it does a piece of work.

The piece is of the kind that requests are made of: strings taken apart, dictionaries made and forgotten. An
empty loop would not do: where neighbours slow the machine down, it is slowed down less than the twin.
"""

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from sync_flask.app import app as twin

TURNS = int(os.environ.get("HEAVIER_TURNS", "0"))
QUERY = "delay=0.2"


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Work a little more, and respond as the twin does."""
    for _ in range(TURNS):
        dict(pair.split("=") for pair in QUERY.split("&"))
    return twin(environ, start_response)
