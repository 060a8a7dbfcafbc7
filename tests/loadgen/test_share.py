from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portcompare.loadgen.arrivals import WHOLE, Share


@given(total=st.integers(0, 1000), processes=st.integers(1, 20))
def test_every_user_is_somebodys_and_nobody_has_more_than_one_more(total: int, processes: int) -> None:
    shares = [Share(index=index, processes=processes) for index in range(processes)]
    users = [share.of(total) for share in shares]
    assert max(users) - min(users) <= 1
    numbers = [
        share.number(place) for share, mine in zip(shares, users, strict=True) for place in range(mine)
    ]
    assert sorted(numbers) == list(range(total))


def test_the_whole_is_for_one_that_is_alone() -> None:
    assert (WHOLE.of(7), WHOLE.number(3)) == (7, 3)
