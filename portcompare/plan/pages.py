"""The plan's pages: what a real browser loads."""

from __future__ import annotations

from pydantic import Field, model_validator

from portcompare.plan.section import Count, PositiveSeconds, Section, Target


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
