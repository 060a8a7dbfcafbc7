"""What is asked of all deployments to see that they answer alike."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from portcompare.plan.requests import PlanRequest
from portcompare.plan.types import CURRENCY, NOT_BLANK, PATH_PATTERN, Count, PositiveSeconds, Section, Target


class Allowance(Section):
    """Differences that are meant to be. In patterns `*` stands for anything, all else for itself."""

    reason: str = Field(
        pattern=NOT_BLANK, description="why they are meant to be; stands beside each in the reports"
    )
    case: str = Field(
        "*", description="pattern of the cases that may show it, `GET /items*`; `*` stands for anything"
    )
    deployment: str = Field("*", description="pattern of the deployments that may show it")
    kind: str = Field("*", description="pattern of its kind: status, header, body or json")
    pointer: str = Field("*", description="pattern of the header's name or the JSON pointer, `/items/*/id`")


class ParityPlan(Section):
    """What is asked of all deployments to see that they answer alike."""

    requests: list[PlanRequest] = Field(
        default_factory=list, description="cases beside each scenario's own; from both more are derived"
    )
    vary: list[Annotated[str, Field(pattern=PATH_PATTERN)]] = Field(
        default_factory=lambda: ["*"],
        description="patterns of the paths whose requests are varied; those of others are asked as they are",
    )
    openapi: str | None = Field(
        None,
        pattern=NOT_BLANK,
        description="an OpenAPI document that cases are made of: a file relative to the plan file, or a path "
        "on the baseline's server such as `/openapi.json`; needs the extra `openapi`",
    )
    examples: Count = Field(25, description="requests made of each operation of the document")
    seed: int = Field(1, description="what making them begins with; the same seed makes the same")
    allow: list[Allowance] = Field(
        default_factory=list, description="differences that are meant to be, and why"
    )


class Page(Section):
    """A page, and the load under which a visitor may meet it."""

    path: Target = Field(description="the page's path, with or without a query; the same on every deployment")
    loads: Count = Field(
        1, description="visits in each block, idle and under load; each a cold and a warm load"
    )
    scenario: str | None = Field(
        None, description="a scenario of the closed model whose users the server serves meanwhile as well"
    )
    users: Count | None = Field(None, description="how many of these users; with `scenario` alone")
    timeout_s: PositiveSeconds = Field(
        30.0, description="a load that is not over by then has failed, in seconds"
    )

    @model_validator(mode="after")
    def _users_of_a_scenario(self) -> Page:
        if (self.scenario is None) != (self.users is None):
            raise ValueError("give both of `scenario` and `users`, or none of them")
        return self

    @property
    def conditions(self) -> tuple[int, ...]:
        """Under how many users the page is loaded: none, and those of its scenario."""
        return (0,) if self.users is None else (0, self.users)


class Cost(Section):
    """What an hour of a CPU core costs, so that the report can say what a million requests cost."""

    per_core_hour: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        description="price of one CPU core for an hour"
    )
    currency: Annotated[str, Field(pattern=CURRENCY)] = Field(
        description='what the price is in, as it is to be shown: "EUR", "$"'
    )
