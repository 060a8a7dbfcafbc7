"""The few words that all records share."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["faster", "slower", "equivalent", "inconclusive", "invalid"]
Metric = Literal["throughput", "p50", "p95", "p99", "cpu_s_per_request"]
METRICS: tuple[Metric, ...] = ("throughput", "p50", "p95", "p99", "cpu_s_per_request")
