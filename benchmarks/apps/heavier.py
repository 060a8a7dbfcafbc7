"""The Flask twin, with more CPU time a request: the environment says how many turns of an empty loop."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sync_flask.app import app as twin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

TURNS = int(os.environ.get("HEAVIER_TURNS", "0"))


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Work a little more, and answer as the twin does."""
    for _ in range(TURNS):
        pass
    return twin(environ, start_response)
