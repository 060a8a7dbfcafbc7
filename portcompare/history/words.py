"""The history in words: what the terminal and the page both show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare import units
from portcompare.report import METRIC_NAMES, timestamp, visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from portcompare.history.records import IndexedRun, Point, Trend
    from portcompare.model import Metric


def state_text(run: IndexedRun) -> str:
    """Whether a run may be relied on.

    Args:
        run: The run.

    Returns:
        "valid", or what is wrong with it.
    """
    if run.broken is not None:
        return "broken"
    words = [word for word, holds in (("NOT VALID", not run.valid), ("PARTIAL", run.partial)) if holds]
    return " ".join(words) or "valid"


def gates_cell(run: IndexedRun) -> str:
    """What a run's gates came to.

    Args:
        run: The run.

    Returns:
        Text such as "1 of 3 gates missed"; empty for a run without gates.
    """
    if not run.gates:
        return ""
    gates = units.count(run.gates, "gate")
    return f"{run.gates_missed} of {gates} missed" if run.gates_missed else f"{gates} passed"


def started_text(run: IndexedRun | Point) -> str:
    """When a run was started.

    Args:
        run: The run.

    Returns:
        Text such as "2026-03-02 09:41:07 UTC"; empty if it is not known.
    """
    return timestamp(run.started_at)


def trend_title(trend: Trend) -> str:
    """What a trend is of.

    Args:
        trend: The trend.

    Returns:
        Text such as "Throughput of quart-uvicorn (delayed, 64 users)".
    """
    of = " / baseline" if trend.is_ratio else ""
    place = f"{visible(trend.scenario)}, {trend.level_text}"
    return f"{METRIC_NAMES[trend.metric]} of {visible(trend.deployment)}{of} ({place})"


def show(trend: Trend) -> Callable[[float], str]:
    """How a trend's values are written.

    Args:
        trend: The trend.

    Returns:
        A function of `units`.
    """
    return units.ratio if trend.is_ratio else _OWN.get(trend.metric, units.duration)


def interval_text(trend: Trend, point: Point) -> str:
    """A value's 95% interval.

    Args:
        trend: The trend.
        point: One of its points.

    Returns:
        Text such as "[310/s, 325/s]".
    """
    written = show(trend)
    return f"[{written(point.low)}, {written(point.high)}]"


def step_text(trend: Trend) -> str:
    """Where a trend changed, and by how much.

    Args:
        trend: The trend.

    Returns:
        A sentence; empty if it did not.
    """
    if trend.step is None:
        return ""
    written = show(trend)
    factor = trend.step.after / trend.step.before
    return (
        f"Changed from {written(trend.step.before)} to {written(trend.step.after)}"
        f" ({'+' if factor > 1 else ''}{units.share(factor - 1)}) at {visible(trend.step.folder)}."
    )


_OWN: dict[Metric, Callable[[float], str]] = {"throughput": units.rate}
