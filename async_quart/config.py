"""What a deployment may choose, read from the environment and checked at start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from .seconds import allowed_seconds, parse_seconds

# A longer simulated delay is a slip of the pen, and sleeping takes no number without bounds.
LONGEST_DELAY_S = 3600.0


class ConfigError(ValueError):
    """The environment asks for something that the service cannot do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The choices of one deployment.

    Attributes:
        data_delay_s: The delay of an answer to a request that asks for none.
        data_max_delay_s: The longest delay that a request may ask for.
    """

    data_delay_s: float = 0.0
    data_max_delay_s: float = 10.0

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
        errors: list[str] = []
        maximum = _read_seconds(
            environ, "DATA_MAX_DELAY_S", default.data_max_delay_s, LONGEST_DELAY_S, errors
        )
        delay = _read_seconds(environ, "DATA_DELAY_S", default.data_delay_s, maximum, errors)
        if errors:
            raise ConfigError("\n".join(["The environment cannot be used:", *errors]))
        return cls(data_delay_s=delay, data_max_delay_s=maximum)


def _read_seconds(
    environ: Mapping[str, str], variable: str, default: float, maximum: float, errors: list[str]
) -> float:
    """Return the variable's seconds, or note its error and return the maximum in its place."""
    found = environ.get(variable)
    if found is None:
        return default
    seconds = parse_seconds(found, maximum)
    if seconds is None:
        errors.append(f"  {variable} is {found!r}; it must be {allowed_seconds(maximum)}")
        return maximum
    return seconds
