"""What a deployment may choose, read from the environment and checked at start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self, TypeVar

from .allowed import Address, Allowed, seconds, whole

T = TypeVar("T")

# A longer wait is a slip of the pen, and sleeping takes no number without bounds.
LONGEST_S = 3600.0
LARGEST_PADDING_BYTES = 100_000_000


class ConfigError(ValueError):
    """The environment asks for something that the service cannot do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The choices of one deployment.

    Attributes:
        data_delay_s: The delay of an answer to a request that asks for none.
        data_max_delay_s: The longest delay that a request may ask for.
        data_max_padding_bytes: The most padding that a request may ask for.
        data_cache_ttl_s: For how long a result is kept.
        data_upstream_url: What the upstream's paths follow; empty if there is no upstream.
        data_upstream_timeout_s: For how long the upstream may keep silent.
    """

    data_delay_s: float = 0.0
    data_max_delay_s: float = 10.0
    data_max_padding_bytes: int = 1_000_000
    data_cache_ttl_s: float = 60.0
    data_upstream_url: str = ""
    data_upstream_timeout_s: float = 15.0

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the choices from environment variables.

        Args:
            environ: The variables, of which a missing one leaves its default.

        Returns:
            The checked choices.

        Raises:
            ConfigError: A variable is out of its range; the message lists every such variable.
        """
        default = cls()
        reader = _Reader(environ=environ)
        maximum = reader.read(
            "DATA_MAX_DELAY_S", seconds(LONGEST_S), default.data_max_delay_s, instead=LONGEST_S
        )
        config = cls(
            data_delay_s=reader.read("DATA_DELAY_S", seconds(maximum), default.data_delay_s),
            data_max_delay_s=maximum,
            data_max_padding_bytes=reader.read(
                "DATA_MAX_PADDING_BYTES",
                whole("bytes", LARGEST_PADDING_BYTES),
                default.data_max_padding_bytes,
            ),
            data_cache_ttl_s=reader.read("DATA_CACHE_TTL_S", seconds(LONGEST_S), default.data_cache_ttl_s),
            data_upstream_url=reader.read("DATA_UPSTREAM_URL", Address(), default.data_upstream_url),
            data_upstream_timeout_s=reader.read(
                "DATA_UPSTREAM_TIMEOUT_S", seconds(LONGEST_S), default.data_upstream_timeout_s
            ),
        )
        if reader.errors:
            raise ConfigError("\n".join(["The environment cannot be used:", *reader.errors]))
        return config


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads variables, and notes what is wrong with them."""

    environ: Mapping[str, str]
    errors: list[str] = field(default_factory=list)

    def read(self, variable: str, allowed: Allowed[T], default: T, *, instead: T | None = None) -> T:
        """Return the variable's value; of a wrong one note the error, and return another in its place."""
        found = self.environ.get(variable)
        if found is None:
            return default
        value = allowed.parse(found)
        if value is None:
            self.errors.append(f"  {variable} is {found!r}; it must be {allowed}")
            return default if instead is None else instead
        return value
