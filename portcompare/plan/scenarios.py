"""What is asked, and how often at once."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from portcompare.http.rows import share_weights
from portcompare.plan.requests import LoginRequest, PlanRequest, WeightedRequest
from portcompare.plan.types import Count, PositiveSeconds, Rate, Seconds, Section, Target
from portcompare.records.results import LoginStep, RequestSpec

_QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "p999": 0.999}


class Objective(Section):
    """The most that percentiles of the response time may be."""

    p50: PositiveSeconds | None = Field(None, description="most that the median may be, in seconds")
    p95: PositiveSeconds | None = Field(None, description="most that the p95 may be, in seconds")
    p99: PositiveSeconds | None = Field(None, description="most that the p99 may be, in seconds")
    p999: PositiveSeconds | None = Field(None, description="most that the p99.9 may be, in seconds")

    @model_validator(mode="after")
    def _not_empty(self) -> Objective:
        if not self.limits_s:
            msg = "give at least one of `p50`, `p95`, `p99`, `p999`"
            raise ValueError(msg)
        return self

    @property
    def limits_s(self) -> dict[str, float]:
        """The limits that are given, in seconds, by percentile."""
        return {name: limit_s for name in _QUANTILES if (limit_s := getattr(self, name)) is not None}

    @property
    def quantile(self) -> float:
        """The highest percentile among them, as a part of 1."""
        return max(_QUANTILES[name] for name in self.limits_s)


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
        """How many requests can be under way at once."""
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
        """How many requests can be under way at once."""
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


class Scenario(Section):
    """What is asked, and a load."""

    user: str | None = Field(None, description="name of a user class in the locustfile")
    request: PlanRequest | None = Field(None, description="or the request itself")
    requests: list[WeightedRequest] = Field(
        default_factory=list, description="or several, drawn by their weights"
    )
    login: list[LoginRequest] = Field(
        default_factory=list, description="what each user does once before it asks, in this order"
    )
    delay_s: Seconds = Field(
        0.0, description="waiting that every answer contains by design; enters the bound and the round length"
    )
    delay_parameter: str | None = Field(
        None, min_length=1, description="query parameter of its requests that `delay_s` is written to"
    )
    seconds: PositiveSeconds | None = Field(None, description="length of its rounds; default rounds.seconds")
    slots: dict[str, Count | Literal["event-loop", "executor"]] = Field(
        default_factory=dict,
        description="requests that a worker of an app can have in this handler at once, by the app's name: a "
        'number, "event-loop" (1: it is blocked) or "executor" (the threads of the loop\'s default executor)',
    )
    load: Load = Field(description="the load")

    @model_validator(mode="after")
    def _one_source(self) -> Scenario:
        if [self.user is not None, self.request is not None, bool(self.requests)].count(True) != 1:
            raise ValueError("give exactly one of `user`, `request` and `requests`")
        if self.user is not None and self.login:
            raise ValueError("`login` goes with `request` or `requests`: let the user class say its own")
        return self

    @model_validator(mode="after")
    def _enough_connections(self) -> Scenario:
        if isinstance(self.load, OpenLoad):
            # Little's law: so many requests are under way at the highest rate, even on the fastest server.
            needed = math.ceil(max(self.load.levels, default=0.0) * self.delay_s)
            if self.load.connections < needed:
                msg = (
                    f"with this delay_s the highest rate needs {needed} connections, "
                    f"more than load.connections, {self.load.connections}"
                )
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _objective_beyond_delay(self) -> Scenario:
        objective = self.load.objective if isinstance(self.load, OpenLoad) else None
        for name, limit_s in objective.limits_s.items() if objective is not None else ():
            if limit_s <= self.delay_s:
                msg = (
                    f"with this delay_s no answer takes less than {self.delay_s:g} s, so the objective "
                    f"{name} = {limit_s:g} can never be kept"
                )
                raise ValueError(msg)
        return self

    def asked(self, folder: Path) -> tuple[tuple[RequestSpec, float], ...]:
        """What the plan has users ask for.

        Raises InputError if a file of a request cannot be used.
        """
        single = [(self.request, 1.0)] if self.request is not None else []
        requests = [*single, *((request, request.weight) for request in self.requests)]
        return tuple(share_weights((request.specs(folder), weight) for request, weight in requests).items())

    def login_steps(self, folder: Path) -> tuple[tuple[LoginStep, ...], ...]:
        """What the plan has users do before they ask.

        Raises InputError: as `asked`.
        """
        return tuple(step.steps(folder) for step in self.login)


class BreakEvenGrid(Section):
    """A request whose delay can be chosen, and the delays and users over which it is measured."""

    path: Target = Field(description="path of a request that waits as long as it is told")
    parameter: str = Field("delay", min_length=1, description="its query parameter for the delay, in seconds")
    delay_s: list[Annotated[Seconds, Field(le=3600)]] = Field(
        min_length=2, description="the delays of the grid, in seconds"
    )
    users: list[Count] = Field(min_length=2, description="the numbers of users of the grid")

    @property
    def delays_s(self) -> dict[str, float]:
        """The delays in rising order, each once, by the names of their scenarios."""
        return {f"delay {delay_s:.15g} s": delay_s for delay_s in sorted(set(self.delay_s))}

    @property
    def levels(self) -> tuple[int, ...]:
        """The numbers of users in rising order, each once."""
        return tuple(sorted(set(self.users)))

    def scenarios(self, round_s: float, round_delays: float) -> dict[str, dict[str, Any]]:
        """The scenarios that the grid stands for, one for each delay."""
        return {
            name: {
                "request": {"path": self.path, "query": {self.parameter: f"{delay_s:.15g}"}},
                "delay_s": delay_s,
                "seconds": max(round_s, round_delays * delay_s),
                "load": {"users": list(self.levels)},
            }
            for name, delay_s in self.delays_s.items()
        }
