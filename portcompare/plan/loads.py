"""The load of a scenario in the plan: a closed or an open one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from portcompare.plan.capacity import Objective
from portcompare.plan.section import Count, Rate, Section


class ClosedLoad(Section):
    """The closed model: so many users, each waiting for its answer before it asks again."""

    model: Literal["closed"] = Field("closed", description="the load model")
    users: list[Count] = Field(
        min_length=1,
        description="the levels of the closed model: numbers of concurrent users; none in the open one",
    )

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels, each once, in rising order."""
        return tuple(sorted(set(self.users)))

    def concurrency(self, level: float) -> int:
        """How many requests can be under way at once.

        Args:
            level: One of the levels.

        Returns:
            The users.
        """
        return int(level)


class OpenLoad(Section):
    """The open model: requests are due at a rate, whether or not answers come."""

    model: Literal["open"] = Field(description="the load model")
    rates: list[Rate] = Field(
        default_factory=list, description="the levels of the open model: requests due per second"
    )
    objective: Objective | None = Field(
        None, description="instead of rates: the highest rate is searched that keeps it"
    )
    arrivals: Literal["poisson", "even"] = Field(
        "poisson", description="independent arrivals, or equal gaps between them"
    )
    connections: Count = Field(256, description="most requests under way at once; others that are due wait")

    @model_validator(mode="after")
    def _one_source_of_rates(self) -> OpenLoad:
        if bool(self.rates) == (self.objective is not None):
            msg = "give exactly one of `rates` and `objective`"
            raise ValueError(msg)
        return self

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels, each once, in rising order; none where the rate is searched."""
        return tuple(sorted(set(self.rates)))

    def concurrency(self, _level: float) -> int:
        """How many requests can be under way at once.

        Returns:
            The connections, at every level.
        """
        return self.connections


def _load_model(load: object) -> str | None:
    """Which model a load is of; None if that cannot be told."""
    if isinstance(load, ClosedLoad | OpenLoad):  # when it is written
        return load.model
    if not isinstance(load, dict):
        return "closed"  # whose error says what a load is
    # Without a model, `rates` or an `objective` show that the closed one is not meant.
    model = load.get("model", None if load.keys() & {"rates", "objective"} else "closed")
    return model if model in ("closed", "open") else None


LOAD_MODEL_UNKNOWN = "load_model_unknown"
"""The type of pydantic's error, for where it is told to the user."""

Load = Annotated[
    Annotated[ClosedLoad, Tag("closed")] | Annotated[OpenLoad, Tag("open")],
    Discriminator(
        _load_model,
        custom_error_type=LOAD_MODEL_UNKNOWN,
        custom_error_message="should be 'closed' (with `users`) or 'open' (with `rates` or `objective`)",
    ),
]
