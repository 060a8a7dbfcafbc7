"""What is asked, and how often at once."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from portcompare.model import LoginStep, RequestSpec
from portcompare.plan.loads import Load, OpenLoad
from portcompare.plan.requests import LoginRequest, PlanRequest, WeightedRequest
from portcompare.plan.section import Count, PositiveSeconds, Seconds, Section
from portcompare.rows import share_weights


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

        Args:
            folder: The plan file's, which files are relative to.

        Returns:
            Each request with its weight; none where a user class says it.

        Raises:
            InputError: If a file of a request cannot be used.
        """
        single = [(self.request, 1.0)] if self.request is not None else []
        requests = [*single, *((request, request.weight) for request in self.requests)]
        return tuple(share_weights((request.specs(folder), weight) for request, weight in requests).items())

    def login_steps(self, folder: Path) -> tuple[tuple[LoginStep, ...], ...]:
        """What the plan has users do before they ask.

        Args:
            folder: The plan file's, which files are relative to.

        Returns:
            For each step its variants, one a user.

        Raises:
            InputError: As `asked`.
        """
        return tuple(step.steps(folder) for step in self.login)
