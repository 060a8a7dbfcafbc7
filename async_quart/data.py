"""The data, after a simulated delay if there is one."""

import asyncio

from quart import Blueprint, Response, jsonify, request

from .config import Config
from .errors import ParameterError
from .seconds import allowed_seconds, parse_seconds


def data_blueprint(config: Config) -> Blueprint:
    """Build the routes of the data.

    Args:
        config: Its delays are the default and the limit of what a request may ask for.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("data", __name__)

    @blueprint.get("/data")
    async def data() -> Response:
        """Answer the data."""
        delay = _delay(request.args.getlist("delay"), config)
        if delay:
            await asyncio.sleep(delay)
        return jsonify(message="Hello")

    return blueprint


def _delay(asked: list[str], config: Config) -> float:
    """Return the delay that was asked for, or the default if none was."""
    if not asked:
        return config.data_delay_s
    maximum = config.data_max_delay_s
    delay = parse_seconds(asked[0], maximum) if len(asked) == 1 else None
    if delay is None:
        raise ParameterError("delay", allowed_seconds(maximum), minimum=0.0, maximum=maximum)
    return delay
