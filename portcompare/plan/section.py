"""What the tables of the plan have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from portcompare.plan.patterns import TARGET

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Target = Annotated[str, Field(pattern=TARGET)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A table of the plan: no unknown keys, no number in quotes, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def raw_tables(data: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """The raw tables below a key of the plan.

    Args:
        data: The plan's raw tables.
        key: The key.

    Returns:
        The tables by name, without whatever is no table; empty if there is none.
    """
    tables = data.get(key)
    if not isinstance(tables, dict):
        return {}
    return {name: table for name, table in tables.items() if isinstance(table, dict)}
