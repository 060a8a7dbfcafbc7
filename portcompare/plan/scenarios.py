"""What is requested, and under which load."""

import math
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from portcompare.http.placeholders import share_weights
from portcompare.plan import types as t
from portcompare.plan.requests import LoginRequest, PlanRequest, WeightedRequest
from portcompare.records.requests import LoginStep, RequestSpec

ROUND_DELAYS = 5
"""A round lasts at least this many times the scenario's delay, so that a response more or less at the edges
of the window changes the rate by less than a fifth for one user and far less for many."""

_QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "p999": 0.999}


class Objective(t.Section):
    """The upper limits of percentiles of the response time."""

    p50: t.PositiveSeconds | None = Field(None, description="upper limit of the median, in seconds")
    p95: t.PositiveSeconds | None = Field(None, description="upper limit of the p95, in seconds")
    p99: t.PositiveSeconds | None = Field(None, description="upper limit of the p99, in seconds")
    p999: t.PositiveSeconds | None = Field(None, description="upper limit of the p99.9, in seconds")

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.limits_s:
            raise ValueError("give at least one of `p50`, `p95`, `p99`, `p999`")
        return self

    @property
    def limits_s(self) -> dict[str, float]:
        """The limits that are given, in seconds, by percentile."""
        return {name: limit_s for name in _QUANTILES if (limit_s := getattr(self, name)) is not None}

    @property
    def quantile(self) -> float:
        """The highest percentile among them, from 0 to 1."""
        return max(_QUANTILES[name] for name in self.limits_s)


class ClosedLoad(t.Section):
    """The closed model: users who each wait for a response before they send the next request."""

    model: Literal["closed"] = Field("closed", description="the load model")
    users: list[t.Count] = Field(
        min_length=1, max_length=1000, description="the levels: numbers of concurrent users"
    )

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels in rising order, without repetitions."""
        return tuple(sorted(set(self.users)))

    def concurrency(self, level: float) -> int:
        """The most requests that can be in flight at once."""
        return int(level)


class OpenLoad(t.Section):
    """The open model: requests are due at a rate, whether or not responses arrive."""

    exactly_one: ClassVar = ("rates", "objective")

    model: Literal["open"] = Field(description="the load model")
    rates: list[t.Rate] = Field(
        [], max_length=1000, description="the levels of the open model: requests per second"
    )
    objective: Objective | None = Field(None, description="or: search for the highest rate that keeps it")
    arrivals: Literal["poisson", "even"] = Field("poisson", description="random arrivals, or equal gaps")
    connections: t.Count = Field(256, description="most requests in flight at once; others wait")

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels in rising order, without repetitions; none where the rate is searched."""
        return tuple(sorted(set(self.rates)))

    def concurrency(self, _level: float) -> int:
        """The most requests that can be in flight at once."""
        return self.connections


def _load_model(load: object) -> str | None:
    """The model of a load; None if it has none of the two."""
    if isinstance(load, ClosedLoad | OpenLoad):  # when it is dumped
        return load.model
    if not isinstance(load, dict):
        return "closed"  # pydantic then says that it is not a table
    # Without a model, `rates` or an `objective` show that the closed one is not meant.
    model = load.get("model", None if load.keys() & {"rates", "objective"} else "closed")
    return model if model in ("closed", "open") else None


UNKNOWN_LOAD_MODEL = "unknown_load_model"  # the type of pydantic's error for a load without a known model

Load = Annotated[
    Annotated[ClosedLoad, Tag("closed")] | Annotated[OpenLoad, Tag("open")],
    Discriminator(
        _load_model,
        custom_error_type=UNKNOWN_LOAD_MODEL,
        custom_error_message="should be 'closed' (with `users`) or 'open' (with `rates` or `objective`)",
    ),
]


class Scenario(t.Section):
    """A request or a mix of requests, and a load."""

    exactly_one: ClassVar = ("user", "request", "requests")

    user: str | None = Field(None, description="name of a user class in the locustfile")
    request: PlanRequest | None = Field(None, description="or the request itself")
    requests: list[WeightedRequest] = Field([], description="or several, drawn by weight")
    login: list[LoginRequest] = Field([], description="requests that each user sends once, first")
    delay_s: t.Seconds = Field(
        0.0, description="waiting that each response contains by design; enters bound and window"
    )
    delay_parameter: str | None = Field(None, min_length=1, description="query parameter set to `delay_s`")
    seconds: t.PositiveSeconds | None = Field(None, description="length of rounds; default rounds.seconds")
    slots: dict[str, t.Count | Literal["event-loop", "executor"]] = Field(
        {},
        description="requests that a worker of an app can have in this handler at once, by the app's name: a "
        'number, "event-loop" (1: it is blocked) or "executor" (the threads of the loop\'s default executor)',
    )
    load: Load = Field(description="the load")

    @model_validator(mode="after")
    def _login_fits_source(self) -> Self:
        if self.user is not None and self.login:
            raise ValueError("`login` goes with `request` or `requests`: a user class logs in by itself")
        return self

    @model_validator(mode="after")
    def _load_fits_delay(self) -> Self:
        if isinstance(self.load, ClosedLoad):
            return self
        # Little's law: this many requests are in flight at the highest rate, even on the fastest server.
        needed = math.ceil(max(self.load.levels, default=0.0) * self.delay_s)
        if self.load.connections < needed:
            raise ValueError(
                f"with this delay_s the highest rate needs {needed} connections, "
                f"more than load.connections, {self.load.connections}"
            )
        for name, limit_s in self.load.objective.limits_s.items() if self.load.objective else ():
            if limit_s <= self.delay_s:
                raise ValueError(
                    f"with this delay_s each response takes at least {self.delay_s:g} s, so the objective "
                    f"{name} = {limit_s:g} can never be kept"
                )
        return self

    def weighted_specs(self, folder: Path) -> tuple[tuple[RequestSpec, float], ...]:
        """Requests and their weights, none for a user class; raises InputError if a file cannot be used."""
        single = [(self.request, 1.0)] if self.request is not None else []
        requests = [*single, *((request, request.weight) for request in self.requests)]
        return tuple(share_weights((request.specs(folder), weight) for request, weight in requests).items())

    def login_steps(self, folder: Path) -> tuple[tuple[LoginStep, ...], ...]:
        """The steps of the login, each with a variant per row; raises InputError as `weighted_specs` does."""
        return tuple(step.steps(folder) for step in self.login)


Delay = Annotated[t.Seconds, Field(le=3600)]


class BreakEvenGrid(t.Section):
    """A request whose delay can be chosen, and the delays and users that span the grid."""

    path: t.Target = Field(description="path of a request that waits as long as its query says")
    parameter: str = Field("delay", min_length=1, description="its query parameter for the delay, in seconds")
    delay_s: list[Delay] = Field(min_length=2, max_length=100, description="delays of the grid, in seconds")
    users: list[t.Count] = Field(min_length=2, max_length=100, description="the numbers of users of the grid")

    @property
    def delays_s(self) -> dict[str, float]:
        """The delays in rising order, without repetitions, by the names of their scenarios."""
        return {f"delay {delay_s:.15g} s": delay_s for delay_s in sorted(set(self.delay_s))}

    @property
    def levels(self) -> tuple[int, ...]:
        """The numbers of users in rising order, without repetitions."""
        return tuple(sorted(set(self.users)))

    def scenarios(self, round_s: float) -> dict[str, Scenario]:
        """One scenario for each delay, with rounds of at least `round_s` seconds."""
        return {
            name: Scenario(
                request=PlanRequest(path=self.path, query={self.parameter: f"{delay_s:.15g}"}),
                delay_s=delay_s,
                seconds=max(round_s, ROUND_DELAYS * delay_s),
                load=ClosedLoad(users=list(self.levels)),
            )
            for name, delay_s in self.delays_s.items()
        }


class Page(t.Section):
    """A page, and the load under which a visitor may meet it."""

    together: ClassVar = ("scenario", "users")

    path: t.Target = Field(description="path of the page, with or without a query")
    loads: t.Count = Field(1, description="visits per block and condition; each a cold and a warm load")
    scenario: str | None = Field(None, description="closed-model scenario for further visits under load")
    users: t.Count | None = Field(None, description="number of its users; only with `scenario`")
    timeout_s: t.PositiveSeconds = Field(30.0, description="longest load of the page, in seconds")

    @property
    def conditions(self) -> tuple[int, ...]:
        """The numbers of users under which the page is loaded: none, and those of its scenario."""
        return (0,) if self.users is None else (0, self.users)
