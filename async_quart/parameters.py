"""The parameters of a request's query; what cannot be parsed raises ParameterError."""

from collections.abc import Callable
from typing import TypeVar

from quart import request

from .config import Config
from .errors import ParameterError
from .parsing import ParseError, parse_count, parse_seconds

T = TypeVar("T")


def read_parameter(name: str, parse: Callable[[str], T], *, default: T) -> T:
    """Return a parameter's value, or the default if the query has none."""
    texts = request.args.getlist(name)
    if not texts:
        return default
    try:
        return parse(texts[0] if len(texts) == 1 else "")  # no parser accepts an empty text
    except ParseError as error:
        raise ParameterError(name, error) from error


def read_count(name: str, *, unit: str, maximum: int) -> int:
    """Return a whole number, or 0 if the query has none."""
    return read_parameter(name, lambda text: parse_count(text, unit, maximum), default=0)


def read_delay(config: Config) -> float:
    """Return the seconds for which the response is to be delayed."""
    maximum = config.data_max_delay_s
    return read_parameter("delay", lambda text: parse_seconds(text, maximum), default=config.data_delay_s)
