"""The Flask twin, with more CPU time a request: how much more, the environment says."""

from __future__ import annotations

import os
from time import perf_counter
from typing import TYPE_CHECKING

from sync_flask.app import app as twin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

EXTRA_S = float(os.environ.get("HEAVIER_EXTRA_S", "0"))


def spin(turns: int) -> None:
    """Use CPU time, and nothing else."""
    for _ in range(turns):
        pass


def turns_per_second() -> float:
    """How fast this CPU spins when nothing disturbs it: the best of many short tries."""
    turns = 20_000
    tries = []
    for _ in range(50):
        began_s = perf_counter()
        spin(turns)
        tries.append(perf_counter() - began_s)
    return turns / min(tries)


TURNS = round(EXTRA_S * turns_per_second()) if EXTRA_S else 0


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Work a little more, and answer as the twin does."""
    spin(TURNS)
    return twin(environ, start_response)
