"""The equivalence margin in the plan: one for all metrics, or one for each."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from portcompare.plan.section import Section

_RANGE = Field(gt=0, lt=1)


class Margins(Section):
    """A margin for each metric; one that is left out has its default, wider for tails, which vary more."""

    throughput: Annotated[float, _RANGE] = Field(0.05, description="margin of the throughput")
    p50: Annotated[float, _RANGE] = Field(0.05, description="margin of the median response time")
    p95: Annotated[float, _RANGE] = Field(0.1, description="margin of the response time's p95")
    p99: Annotated[float, _RANGE] = Field(0.1, description="margin of the response time's p99")
    cpu_s_per_request: Annotated[float, _RANGE] = Field(
        0.05, description="margin of the CPU time per request"
    )


def _form(margin: object) -> str:
    """Which form a margin has: so that a wrong one is told once, and not once for each form."""
    return "table" if isinstance(margin, dict | Margins) else "number"


# The tags stand first, where the place of a problem is followed by them.
Margin = Annotated[
    Annotated[float, Tag("number"), _RANGE] | Annotated[Margins, Tag("table")], Discriminator(_form)
]
