"""Frozen records of how response times are distributed.

They are part of `results.json`, as those of `model.py` are.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumPoint:
    """One percentile of a distribution."""

    quantile: float  # The part of the requests that took at most so long, from 0 to 1
    latency_s: float  # The response time
    rank: int  # How many requests that is


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """How long the successful requests of one arm at one level took, merged exactly over its rounds."""

    scenario: str  # Name of the scenario
    level: float  # The level
    arm: str  # Name of the arm
    requests: int  # How many requests it rests on
    # Percentiles up to p99.99, rising; only those beyond which at least one request lies
    points: tuple[SpectrumPoint, ...]
