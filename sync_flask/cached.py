"""The data of a computation whose result is kept, by the service and by its clients."""

import time
from hashlib import sha256

from flask import Blueprint, Response, jsonify, request

from .config import Config
from .kept import Kept
from .parameters import read_delay


def cached_blueprint(config: Config) -> Blueprint:
    """Build the route.

    Args:
        config: Its delays are the default and the limit of what a request may ask for; results are kept for
            its time.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("cached", __name__)
    kept = Kept(config.data_cache_ttl_s)

    @blueprint.get("/data/cached")
    def cached() -> Response:
        """Answer the data, or that the client has them."""
        body = kept.get(read_delay(config), _compute)
        etag = sha256(body.encode()).hexdigest()
        if request.if_none_match.contains_weak(etag):
            response = Response(status=304)
            del response.headers["Content-Type"]
        else:
            response = Response(body, content_type="application/json")
        response.set_etag(etag)
        response.cache_control.max_age = int(config.data_cache_ttl_s)
        return response

    return blueprint


def _compute(delay: float) -> str:
    """Take a while for the body of an answer."""
    time.sleep(delay)
    return jsonify(message="Hello").get_data(as_text=True)
