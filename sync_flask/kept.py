"""Results that are kept for a while, each computed by one request while others wait for it."""

import threading
from collections.abc import Callable

from cachetools import TTLCache

LOCKS = 64
RESULTS_OF_A_LOCK = 16


class Kept:
    """Results by what they are computed from.

    A cache must not be used by two threads at once. So there are many small ones, each with its lock: whoever
    wants a result waits for others to be computed only where they share its lock.
    """

    def __init__(self, ttl_s: float) -> None:
        self._caches: list[tuple[threading.Lock, TTLCache[float, str]]] = [
            (threading.Lock(), TTLCache(maxsize=RESULTS_OF_A_LOCK, ttl=ttl_s)) for _ in range(LOCKS)
        ]

    def get(self, key: float, compute: Callable[[float], str]) -> str:
        """Get a result.

        Args:
            key: What it is computed from.
            compute: From the key to its result.

        Returns:
            The result that is kept, or a new one, which is kept from then on.
        """
        lock, results = self._caches[hash(key) % LOCKS]
        with lock:
            result = results.get(key)
            if result is None:
                result = results[key] = compute(key)
            return result
