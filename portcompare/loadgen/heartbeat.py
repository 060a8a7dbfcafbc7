"""Whether the event loop goes round: what blocks it delays every answer, and the server is blamed for it."""

from __future__ import annotations

from time import perf_counter
from typing import Final

import gevent

_EVERY_S: Final = 0.01


class Heartbeat:
    """Notes how late the event loop is for a beat every 10 ms; runs until it is stopped."""

    __slots__ = ("_due_s", "_greenlet", "_worst_s")

    def __init__(self) -> None:
        self._worst_s = 0.0
        self._due_s = perf_counter() + _EVERY_S
        self._greenlet = gevent.spawn(self._beat)

    def cut(self) -> float:
        """Begin anew.

        Returns:
            The greatest delay since this was last asked, a beat that is late now included, in seconds.
        """
        now_s = perf_counter()
        worst_s = max(self._worst_s, now_s - self._due_s)
        self._worst_s = 0.0
        self._due_s = now_s + _EVERY_S
        return worst_s

    def stop(self) -> None:
        """Beat no more."""
        self._greenlet.kill()

    def _beat(self) -> None:
        while True:
            gevent.sleep(max(self._due_s - perf_counter(), 0.0))
            now_s = perf_counter()
            self._worst_s = max(self._worst_s, now_s - self._due_s)
            self._due_s = now_s + _EVERY_S
