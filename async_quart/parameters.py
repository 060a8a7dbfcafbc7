"""What a request asks for in its query."""

from typing import TypeVar

from quart import request

from .allowed import Allowed, seconds
from .config import Config
from .errors import ParameterError

T = TypeVar("T")


def read_parameter(name: str, allowed: Allowed[T], *, default: T) -> T:
    """Read a parameter.

    Args:
        name: Its name in the query.
        allowed: What it may be.
        default: What it is where the query has none.

    Returns:
        Its value.

    Raises:
        ParameterError: It is given twice, or as what is not allowed.
    """
    asked = request.args.getlist(name)
    if not asked:
        return default
    value = allowed.parse(asked[0]) if len(asked) == 1 else None
    if value is None:
        raise ParameterError(name, allowed)
    return value


def read_delay(config: Config) -> float:
    """Read for how long the answer is to be delayed.

    Args:
        config: Its delays are the default and the limit.

    Returns:
        Seconds.

    Raises:
        ParameterError: As `read_parameter`.
    """
    return read_parameter("delay", seconds(config.data_max_delay_s), default=config.data_delay_s)
