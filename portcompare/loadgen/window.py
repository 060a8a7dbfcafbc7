"""The rate inside a window that is cut out of the steady state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def smooth_rate(ended_s: NDArray[np.float64], start_s: float, end_s: float, edge_s: float) -> float:
    """The rate of answers inside a window whose edges are slopes instead of steps.

    Users that wait alike answer in waves, and a step that cuts a wave counts a wave more or less by chance:
    with eight threads and a delay of 0.2 s that is a third of a second's answers. So each answer counts with
    a weight that rises from 0 to 1 before the window's start and falls back before its end; the weights of a
    steady process add up to its rate times the window's length, and waves as far apart as the slope is long
    are counted exactly wherever the window falls.

    Args:
        ended_s: When each answer ended, in any order; those of the warm-up too.
        start_s: The window's start.
        end_s: The window's end.
        edge_s: Length of the slopes: the time between waves; 0 for steps.

    Returns:
        Answers per second; 0 if there are none.

    References:
        The weights are the convolution of two boxes, of the window's length and the slope's; the latter's
        spectrum is zero at the waves' frequency and its multiples: Harris, "On the use of windows for
        harmonic analysis with the discrete Fourier transform", Proceedings of the IEEE 66 (1), 1978.
    """
    if edge_s <= 0:
        weights = ((ended_s > start_s) & (ended_s <= end_s)).astype(float)
    else:
        weights = np.clip(np.minimum(ended_s - (start_s - edge_s), end_s - ended_s) / edge_s, 0.0, 1.0)
    return float(weights.sum()) / (end_s - start_s)


def choose_edge(response_s: float, delay_s: float, *, first_s: float, start_s: float, end_s: float) -> float:
    """The length of a window's slopes.

    In the closed model each user answers once in a response time, so that whatever pattern the answers of all
    make, it repeats after that time: slopes of this length count it exactly. Where they have no room, and the
    answers contain a delay, they come in waves that far apart.

    Args:
        response_s: The median response time; 0 without any.
        delay_s: The scenario's delay; 0 without one.
        first_s: When the first answer of all ended.
        start_s: The window's start.
        end_s: The window's end.

    Returns:
        The response time if there are answers for so long before the window, and the window is twice as long;
        else the delay, or without one the response time, as far as it has such room.
    """
    room_s = max(min(start_s - first_s, (end_s - start_s) / 2), 0.0)
    return response_s if response_s <= room_s else min(delay_s or response_s, room_s)
