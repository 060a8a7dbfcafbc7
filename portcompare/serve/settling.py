"""Waiting until a server has worked off what an overload left it."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from portcompare.serve.running import RunningServer

SETTLE_LIMIT_S = 30.0
"""How long a server may take to work off its queue."""

_SLOWER = 3.0
_JITTER_S = 0.01
"""An answer is quick if it takes at most three times as long as on the idle server, and so much more."""

_IN_A_ROW = 3  # on connections of their own, which go to whichever worker is free


def measure_idle(server: RunningServer, path: str) -> float:
    """Measure how long a server takes to answer that has nothing else to do.

    Args:
        server: The server, before any load.
        path: Where it answers at once.

    Returns:
        The median of three answers, in seconds; the limit of waiting where there was none.

    Raises:
        ServerError: It has ended.
    """
    with _client() as client:
        return median(_ask(client, server, path, SETTLE_LIMIT_S) or SETTLE_LIMIT_S for _ in range(_IN_A_ROW))


def wait_until_settled(
    server: RunningServer, path: str, idle_s: float, limit_s: float = SETTLE_LIMIT_S
) -> bool:
    """Wait until a server answers quickly again.

    After a load that was too much, requests of users long gone still wait in the server's queues. They would
    slow down the next round, and on a shared CPU the other arms too.

    Args:
        server: The server.
        path: Where it answers at once when it is idle.
        idle_s: How long that takes then.
        limit_s: How long to wait at most.

    Returns:
        Whether it does; False if the limit was reached.

    Raises:
        ServerError: It has ended.
    """
    end_s = time.monotonic() + limit_s
    quick = 0
    with _client() as client:
        while (left_s := end_s - time.monotonic()) > 0:
            took_s = _ask(client, server, path, left_s)
            quick = quick + 1 if took_s is not None and took_s <= _SLOWER * idle_s + _JITTER_S else 0
            if quick == _IN_A_ROW:
                return True
    return False


def _client() -> httpx.Client:
    return httpx.Client(trust_env=False, headers={"Connection": "close"})


def _ask(client: httpx.Client, server: RunningServer, path: str, timeout_s: float) -> float | None:
    """How long an answer takes, in seconds; None if there is none."""
    server.check_alive()
    began_s = time.monotonic()
    try:
        client.get(server.url + path, timeout=timeout_s)
    except httpx.TransportError:
        return None
    return time.monotonic() - began_s
