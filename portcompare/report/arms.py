"""The arms as charts show them: each has its colour, dashes and shape, the same in every chart of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import altair as alt

from portcompare.model import BASELINE, CONTROL
from portcompare.report.svg import guide
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portcompare.model import Results

COLOURS = 10
"""How many candidates are told apart by colour; further ones begin anew."""

_SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How charts show an arm.

    Attributes:
        label: Its name.
        colour: Its colour's name in the style sheet.
        dash: Lengths of dashes and gaps of its lines; empty for a line without gaps.
        shape: Of its points, as Vega names it.
    """

    label: str
    colour: str
    dash: tuple[int, ...]
    shape: str


def find_looks(results: Results) -> dict[str, Look]:
    """How each arm of a run looks.

    Args:
        results: The run.

    Returns:
        The looks by arm: the baseline, the control, and the candidates in the plan's order.
    """
    measured = [one.arm for one in results.summaries]
    measured += [one.arm for one in results.sweeps.capacities]
    measured += [one.arm for one in results.rounds]
    candidates = [name for name in dict.fromkeys(measured) if name not in {BASELINE, CONTROL}]
    looks = {
        BASELINE: Look(label=BASELINE, colour="baseline", dash=(), shape="circle"),
        CONTROL: Look(label=CONTROL, colour="control", dash=(5, 3), shape="circle"),
    }
    for number, name in enumerate(candidates):
        looks[name] = Look(
            label=visible(name),
            colour=f"arm-{number % COLOURS}",
            dash=(),
            shape=_SHAPES[(number + 1) % len(_SHAPES)],
        )
    return {name: look for name, look in looks.items() if name in measured}


def legend(looks: Mapping[str, Look], arms: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The legend of a chart.

    Args:
        looks: Those of the run.
        arms: The arms that the chart shows.

    Returns:
        Name and colour of each, in the run's order.
    """
    shown = set(arms)
    return tuple((look.label, look.colour) for name, look in looks.items() if name in shown)


def arm_colour(looks: Mapping[str, Look]) -> alt.Color:
    """The colour of a mark by the field `arm`, which holds labels.

    Args:
        looks: Those of the run.

    Returns:
        The encoding, without a legend: that stands beside the chart.
    """
    colours = [f"var(--{look.colour})" for look in looks.values()]
    return alt.Color("arm:N", legend=None, scale=guide(domain=_labels(looks), range=colours))


def arm_dash(looks: Mapping[str, Look]) -> alt.StrokeDash:
    """The dashes of a line by the field `arm`.

    Args:
        looks: Those of the run.

    Returns:
        The encoding.
    """
    dashes = [list(look.dash) or [1, 0] for look in looks.values()]
    return alt.StrokeDash("arm:N", legend=None, scale=guide(domain=_labels(looks), range=dashes))


def arm_shape(looks: Mapping[str, Look]) -> alt.Shape:
    """The shape of a point by the field `arm`.

    Args:
        looks: Those of the run.

    Returns:
        The encoding.
    """
    shapes = [look.shape for look in looks.values()]
    return alt.Shape("arm:N", legend=None, scale=guide(domain=_labels(looks), range=shapes))


def _labels(looks: Mapping[str, Look]) -> list[str]:
    return [look.label for look in looks.values()]
