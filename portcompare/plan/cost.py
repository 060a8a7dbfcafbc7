"""What CPU time costs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from portcompare.plan.patterns import CURRENCY
from portcompare.plan.section import Section


class Cost(Section):
    """What an hour of a CPU core costs, so that the report can say what a million requests cost."""

    per_core_hour: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        description="price of one CPU core for an hour"
    )
    currency: Annotated[str, Field(pattern=CURRENCY)] = Field(
        description='what the price is in, as it is to be shown: "EUR", "$"'
    )
