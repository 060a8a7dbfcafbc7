"""Frozen records of how response times are distributed.

They are part of `results.json`, as those of `model.py` are.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumPoint:
    """One percentile of a distribution.

    Attributes:
        quantile: The part of the requests that took at most so long, from 0 to 1.
        latency_s: The response time.
        rank: How many requests that is.
    """

    quantile: float
    latency_s: float
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """How long the successful requests of one arm at one level took, merged exactly over its rounds.

    Attributes:
        scenario: Name of the scenario.
        level: The level.
        arm: Name of the arm.
        requests: How many requests it rests on.
        points: Percentiles up to p99.99, rising; only those beyond which at least one request lies.
    """

    scenario: str
    level: float
    arm: str
    requests: int
    points: tuple[SpectrumPoint, ...]
