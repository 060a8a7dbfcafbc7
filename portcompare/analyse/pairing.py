"""What is paired: each block's value of an arm, and what the baseline came to in the same block."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from portcompare.model import BASELINE, CONTROL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portcompare.model import Metric, Round


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One block's values in a metric.

    Attributes:
        reference: The baseline's.
        value: The arm's.
        requests: How many requests the round with the fewest has, of all that the values come from.
    """

    reference: float
    value: float
    requests: int

    @property
    def ratio(self) -> float:
        """The arm's value divided by the baseline's."""
        return self.value / self.reference


def pair_blocks(metric: Metric, arms: Mapping[str, Iterable[Round]], arm: str) -> dict[int, Pair]:
    """Pair an arm's rounds at a level with the baseline's.

    Args:
        metric: The metric.
        arms: The level's rounds of each arm; void ones are left out.
        arm: The candidate, or the control.

    Returns:
        A pair for each block in which both the baseline and the arm have a value, by its number.
    """
    known = {name: rounds_by_block(metric, rounds) for name, rounds in arms.items()}
    values = {name: {block: value for block, (value, _) in blocks.items()} for name, blocks in known.items()}
    return {
        block: Pair(
            reference=reference,
            value=values[arm][block],
            requests=min(
                known[name][block][1] for name in {BASELINE, CONTROL, arm} if block in known.get(name, ())
            ),
        )
        for block, reference in find_references(values, arm).items()
        if block in values[arm]
    }


def find_references(values: Mapping[str, Mapping[int, float]], arm: str) -> dict[int, float]:
    """What an arm is compared with in each block.

    In each block the baseline is measured twice, as itself and as the control, and both say the same of it: a
    candidate is compared with the geometric mean of the two. With equal noise in all rounds its log ratio has
    three quarters of the variance that it has with one of them, as that of a mean of two is half of it. The
    control is compared with the baseline alone, so what it differs by is no less than what candidates do.

    Args:
        values: Each arm's positive values by block.
        arm: The candidate, or the control.

    Returns:
        By block, wherever the baseline has a value.
    """
    second = {} if arm == CONTROL else values.get(CONTROL, {})
    return {
        block: sqrt(value * second[block]) if block in second else value
        for block, value in values.get(BASELINE, {}).items()
    }


def rounds_by_block(metric: Metric, rounds: Iterable[Round]) -> dict[int, tuple[float, int]]:
    """An arm's value in each block that has one, and how many requests it rests on.

    Args:
        metric: The metric.
        rounds: The arm's rounds at one level; void ones are left out.

    Returns:
        By the number of the block.
    """
    return {
        one.block: (value, one.requests)
        for one in rounds
        if one.void is None and (value := metric_of(one, metric)) is not None
    }


def metric_of(measured: Round, metric: Metric) -> float | None:
    """A round's value in a metric.

    Args:
        measured: The round.
        metric: The metric.

    Returns:
        The value; None where it is not known or nothing succeeded.
    """
    if metric == "throughput":
        return measured.rate_rps or None
    if metric == "cpu_s_per_request":
        return measured.cpu_s_per_request or None
    return getattr(measured.latency_s, metric, None)
