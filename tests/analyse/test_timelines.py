from __future__ import annotations

from dataclasses import replace

import pytest

from portcompare.analyse.summaries import find_courses
from portcompare.records.rounds import Slice
from tests.altered import altered
from tests.analyse.samples import ROUND

SLICE = Slice(requests=50, errors=0, p50_s=0.01, p99_s=0.02)


def test_slices_lie_in_their_window_on_the_time_of_the_run() -> None:
    first = altered(ROUND, started_at_s=1000.0, window_s=2.0, slices=(SLICE,) * 4)
    second = altered(first, started_at_s=1010.0, slices=(replace(SLICE, requests=0, p99_s=None),))
    earlier, later = find_courses([second, first])
    assert [moment.at_s for moment in earlier.moments] == [0.25, 0.75, 1.25, 1.75]
    assert [moment.rate_rps for moment in earlier.moments] == pytest.approx([100.0] * 4)
    assert (later.at_s, later.moments[0].rate_rps, later.moments[0].p99_s) == (10.0, 0.0, None)


def test_a_round_without_slices_has_no_moments() -> None:
    (course,) = find_courses([altered(ROUND, slices=())])
    assert course.moments == ()
    assert find_courses([]) == ()
