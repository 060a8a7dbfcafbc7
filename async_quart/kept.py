"""Results that are kept for a while, each computed by one request while others wait for it."""

import asyncio
from collections.abc import Awaitable, Callable

from cachetools import TTLCache

LOCKS = 64
RESULTS_OF_A_LOCK = 16


class Kept:
    """Results by what they are computed from.

    A cache must not be used by two threads at once. So there are many small ones, each with its lock: whoever
    wants a result waits for others to be computed only where they share its lock.
    """

    def __init__(self, ttl_s: float) -> None:
        self._caches: list[tuple[asyncio.Lock, TTLCache[float, str]]] = [
            (asyncio.Lock(), TTLCache(maxsize=RESULTS_OF_A_LOCK, ttl=ttl_s)) for _ in range(LOCKS)
        ]

    async def get(self, key: float, compute: Callable[[float], Awaitable[str]]) -> str:
        """Get a result.

        Args:
            key: What it is computed from.
            compute: From the key to its result.

        Returns:
            The result that is kept, or a new one, which is kept from then on.
        """
        lock, results = self._caches[hash(key) % LOCKS]
        async with lock:
            result = results.get(key)
            if result is None:
                result = results[key] = await compute(key)
            return result
