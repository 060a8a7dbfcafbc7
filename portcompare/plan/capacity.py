"""What a deployment must keep while the highest rate is searched."""

from __future__ import annotations

from pydantic import Field, model_validator

from portcompare.plan.section import PositiveSeconds, Section

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
