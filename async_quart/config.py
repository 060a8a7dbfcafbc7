"""The settings of a deployment, read from the environment and checked at start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

from .parsing import ParseError, parse_address, parse_count, parse_seconds

T = TypeVar("T")

LONGEST_S = 3600.0  # a longer time is a typing error, and sleep() does not take every number
LARGEST_PADDING_BYTES = 100_000_000


class ConfigError(ValueError):
    """Environment variables have invalid values; the message lists them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one deployment."""

    data_delay_s: float = 0.0  # of a request without the parameter `delay`
    data_max_delay_s: float = 10.0  # the largest `delay` of a request
    data_max_padding_bytes: int = 1_000_000  # its largest `padding`
    data_cache_ttl_s: float = 60.0  # how long a result is cached
    data_upstream_url: str = ""  # empty if there is no upstream
    data_upstream_timeout_s: float = 15.0

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from environment variables, each with a default; raises ConfigError."""
        defaults = cls()
        errors: list[str] = []

        def read(variable: str, parse: Callable[[str], T], default: T) -> T:
            text = environ.get(variable)
            if text is None:
                return default
            try:
                return parse(text)
            except ParseError as error:
                errors.append(f"  {variable} is {text!r}; it must be {error}")
                return default

        def read_seconds(variable: str, default: float, maximum: float = LONGEST_S) -> float:
            return read(variable, lambda text: parse_seconds(text, maximum), default)

        max_delay_s = read_seconds("DATA_MAX_DELAY_S", defaults.data_max_delay_s)
        # Below a limit that is invalid itself, no delay can be called too long.
        longest_delay_s = LONGEST_S if errors else max_delay_s
        config = cls(
            data_delay_s=read_seconds("DATA_DELAY_S", defaults.data_delay_s, longest_delay_s),
            data_max_delay_s=max_delay_s,
            data_max_padding_bytes=read(
                "DATA_MAX_PADDING_BYTES",
                lambda text: parse_count(text, "bytes", LARGEST_PADDING_BYTES),
                defaults.data_max_padding_bytes,
            ),
            data_cache_ttl_s=read_seconds("DATA_CACHE_TTL_S", defaults.data_cache_ttl_s),
            data_upstream_url=read("DATA_UPSTREAM_URL", parse_address, defaults.data_upstream_url),
            data_upstream_timeout_s=read_seconds("DATA_UPSTREAM_TIMEOUT_S", defaults.data_upstream_timeout_s),
        )
        if errors:
            raise ConfigError("\n".join(["The environment cannot be used:", *errors]))
        return config
