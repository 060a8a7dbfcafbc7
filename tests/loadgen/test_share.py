from __future__ import annotations

from itertools import count, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcompare.loadgen.share import WHOLE, Share


@given(total=st.integers(0, 1000), processes=st.integers(1, 20))
def test_every_user_is_somebodys_and_nobody_has_more_than_one_more(total: int, processes: int) -> None:
    shares = [Share(index=index, processes=processes) for index in range(processes)]
    users = [share.of(total) for share in shares]
    assert max(users) - min(users) <= 1
    numbers = [
        share.number(place) for share, mine in zip(shares, users, strict=True) for place in range(mine)
    ]
    assert sorted(numbers) == list(range(total))


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_a_schedule_is_dealt_out_whole(processes: int) -> None:
    dealt = [
        list(islice(Share(index=index, processes=processes).deal(map(float, count())), 4))
        for index in range(processes)
    ]
    assert sorted(due_s for mine in dealt for due_s in mine) == list(range(4 * processes))
    assert [mine[0] for mine in dealt] == list(range(processes))


def test_the_whole_is_for_one_that_is_alone() -> None:
    assert (WHOLE.of(7), WHOLE.number(3)) == (7, 3)
