"""Waiting until a server has worked off what an overload left it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from portcompare.serve.running import RunningServer

SETTLE_LIMIT_S = 30.0
"""How long a server may take to work off its queue."""

_QUICK_S = 0.05
_IN_A_ROW = 3  # on connections of their own, which go to whichever worker is free


def wait_until_settled(server: RunningServer, path: str, limit_s: float = SETTLE_LIMIT_S) -> bool:
    """Wait until a server answers quickly again.

    After a load that was too much, requests of users long gone still wait in the server's queues. They would
    slow down the next round, and on a shared CPU the other arms too.

    Args:
        server: The server.
        path: Where it answers at once when it is idle.
        limit_s: How long to wait at most.

    Returns:
        Whether it does; False if the limit was reached.

    Raises:
        ServerError: It has ended.
    """
    end_s = time.monotonic() + limit_s
    quick = 0
    with httpx.Client(trust_env=False, headers={"Connection": "close"}) as client:
        while (left_s := end_s - time.monotonic()) > 0:
            server.check_alive()
            began_s = time.monotonic()
            try:
                client.get(server.url + path, timeout=left_s)
            except httpx.TransportError:
                quick = 0
                continue
            quick = quick + 1 if time.monotonic() - began_s < _QUICK_S else 0
            if quick == _IN_A_ROW:
                return True
    return False
