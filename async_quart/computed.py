"""The data after computing, which holds the interpreter for as long as it takes."""

from hashlib import sha256

from quart import Blueprint, Response, jsonify

from .allowed import whole
from .parameters import read_parameter

MOST_WORK = 1_000_000


def computed_blueprint() -> Blueprint:
    """Build the route.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("computed", __name__)
    work_allowed = whole("steps", MOST_WORK)

    @blueprint.get("/data/computed")
    async def computed() -> Response:
        """Answer the data and what was computed."""
        work = read_parameter("work", work_allowed, default=0)
        return jsonify(message="Hello", digest=_compute(work))

    return blueprint


def _compute(steps: int) -> str:
    """Hash a hash, and so on, so many times: work that nothing shortens."""
    digest = b""
    for _ in range(steps):
        digest = sha256(digest).digest()
    return digest.hex()
