import pytest

from portcompare.cli.options import read_duration
from portcompare.errors import InputError


def test_a_length_of_time_has_a_unit_or_is_in_seconds() -> None:
    expected = {"90": 90.0, "120s": 120.0, "2.5m": 150.0, "1h": 3600.0, " 5s ": 5.0}
    assert {text: read_duration("--budget", text) for text in expected} == expected


@pytest.mark.parametrize("text", ["", "s", "0", "0m", "-5s", "5 minutes", "1d", "nan"])
def test_what_is_no_length_of_time_is_refused_with_the_flag(text: str) -> None:
    with pytest.raises(InputError, match="120s") as caught:
        read_duration("--budget", text)
    assert caught.value.problems[0].where == "--budget"
