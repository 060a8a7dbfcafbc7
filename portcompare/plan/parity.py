"""What is asked of all deployments to see that they answer alike."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from portcompare.plan.patterns import NOT_BLANK, PATH_PATTERN
from portcompare.plan.requests import PlanRequest
from portcompare.plan.section import Count, Section


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
