"""The data of a slow computation, cached by the service and by its clients."""

import threading
import time
from collections.abc import Callable
from hashlib import sha256

from cachetools import TTLCache
from flask import Flask, Response, jsonify, request

from .config import Config
from .parameters import read_delay

LOCKS = 64
RESULTS_PER_LOCK = 16


class ResultCache:
    """Results by key, each computed by one request while others wait for it.

    A TTLCache must not be used by two threads at once. There are many small ones, each with its lock, so a
    request for a cached result waits only for computations that share its lock.
    """

    def __init__(self, ttl_s: float) -> None:
        self._caches: list[tuple[threading.Lock, TTLCache[float, str]]] = [
            (threading.Lock(), TTLCache(maxsize=RESULTS_PER_LOCK, ttl=ttl_s)) for _ in range(LOCKS)
        ]

    def get(self, key: float, compute: Callable[[float], str]) -> str:
        """Return the result for a key, computed from the key where the cache has none."""
        lock, results = self._caches[hash(key) % LOCKS]
        with lock:
            result = results.get(key)
            if result is None:
                result = results[key] = compute(key)
            return result


def add_routes(app: Flask, config: Config) -> None:
    """Add the route to the application."""
    cache = ResultCache(config.data_cache_ttl_s)

    @app.get("/data/cached")
    def cached() -> Response:
        """Send the data, or 304 to a client that has them."""
        body = cache.get(read_delay(config), _compute)
        etag = sha256(body.encode()).hexdigest()
        if request.if_none_match.contains_weak(etag):
            response = Response(status=304)
            del response.headers["Content-Type"]
        else:
            response = Response(body, content_type="application/json")
        response.set_etag(etag)
        response.cache_control.max_age = int(config.data_cache_ttl_s)
        return response


def _compute(delay_s: float) -> str:
    """Return the body of a response after a delay."""
    time.sleep(delay_s)
    return jsonify(message="Hello").get_data(as_text=True)
