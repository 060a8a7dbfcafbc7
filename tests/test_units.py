from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcompare import units
from portcompare.errors import (
    EXIT_BAD_INPUT,
    EXIT_NOT_VALID,
    InputError,
    LoadGeneratorError,
    Problem,
    ServerError,
    refuse,
)


@pytest.mark.parametrize(
    ("shown", "texts"),
    [
        (units.significant, {0: "0", 1234.4: "1,230", 999.6: "1,000", 12.34: "12.3", 0.01234: "0.0123"}),
        (units.significant, {1: "1.00", 9.999: "10.0", -12.34: "-12.3", 1_000_000: "1,000,000"}),
        (lambda number: units.significant(number, digits=5), {1234.56: "1,234.6"}),
        (units.duration, {0.0: "0 us", 0.00085: "850 us", 0.0123: "12.3 ms", 1.6: "1.60 s", 90: "90.0 s"}),
        (units.duration, {0.001: "1.00 ms", 1.0: "1.00 s", 0.0009999: "1.00 ms", 0.9999: "1.00 s"}),
        (units.size, {0: "0 B", 174: "174 B", 1023.4: "1023 B", 1024: "1.00 KiB", 3277: "3.20 KiB"}),
        (units.size, {43_515_904: "41.5 MiB", 2**30: "1.00 GiB"}),
        (units.rate, {7930: "7,930/s"}),
        (units.ratio, {1.234: "1.23x"}),
        (units.share, {0.996: "99.6%", 0.99: "99.0%"}),
        (lambda level: units.level(level, "closed"), {1: "1 user", 64.0: "64 users"}),
        (lambda level: units.level(level, "open"), {1.0: "1 request/s", 0.5: "0.5 requests/s"}),
        (lambda level: units.level(level, "open"), {10_000: "10,000 requests/s"}),
    ],
)
def test_a_quantity_has_three_digits_and_the_unit_that_suits_it(
    shown: Callable[[float], str], texts: dict[float, str]
) -> None:
    assert {value: shown(value) for value in texts} == texts


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_rounding_never_moves_a_number_by_more_than_half_a_digit(value: float) -> None:
    assert float(units.significant(value).replace(",", "")) == pytest.approx(value, rel=0.00501)


def test_wrong_input_tells_every_problem_with_its_remedy() -> None:
    first = Problem(where="plan.toml: a", found="is missing", remedy="add it")
    error = InputError([first, *refuse("--b", "is no number", "give one").problems])
    assert str(error) == "plan.toml: a: is missing\n    add it\n--b: is no number\n    give one"
    assert [problem.where for problem in error.problems] == ["plan.toml: a", "--b"]


def test_every_error_has_its_exit_code() -> None:
    assert InputError([]).exit_code == EXIT_BAD_INPUT
    assert ServerError("died").exit_code == LoadGeneratorError("broke off").exit_code == EXIT_NOT_VALID
