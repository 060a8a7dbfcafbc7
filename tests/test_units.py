import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcompare import units
from portcompare.errors import (
    EXIT_BAD_INPUT,
    EXIT_NOT_VALID,
    InputError,
    LoadGeneratorError,
    PortcompareError,
    Problem,
    ServerError,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234.4, "1,230"),
        (999.6, "1,000"),
        (12.34, "12.3"),
        (0.01234, "0.0123"),
        (1, "1.00"),
        (9.999, "10.0"),
        (-12.34, "-12.3"),
        (1_000_000, "1,000,000"),
    ],
)
def test_a_number_is_rounded_to_three_digits(value: float, text: str) -> None:
    assert units.significant(value) == text


def test_more_digits_are_kept_if_asked_for() -> None:
    assert units.significant(1234.56, digits=5) == "1,234.6"


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_rounding_never_moves_a_number_by_more_than_half_a_digit(value: float) -> None:
    assert float(units.significant(value).replace(",", "")) == pytest.approx(value, rel=0.00501)


@pytest.mark.parametrize(
    ("value_s", "text"),
    [
        (0.0, "0 us"),
        (0.00085, "850 us"),
        (0.0123, "12.3 ms"),
        (1.6, "1.60 s"),
        (0.001, "1.00 ms"),
        (1.0, "1.00 s"),
        (90, "90.0 s"),
    ],
)
def test_a_duration_has_the_unit_that_suits_it(value_s: float, text: str) -> None:
    assert units.duration(value_s) == text


@pytest.mark.parametrize(("value_s", "text"), [(0.0009999, "1.00 ms"), (0.9999, "1.00 s")])
def test_a_duration_just_below_a_unit_is_rounded_into_it(value_s: float, text: str) -> None:
    assert units.duration(value_s) == text


@pytest.mark.parametrize(
    ("value_bytes", "text"),
    [
        (0, "0 B"),
        (174, "174 B"),
        (1023.4, "1023 B"),
        (1024, "1.00 KiB"),
        (3277, "3.20 KiB"),
        (43_515_904, "41.5 MiB"),
    ],
)
def test_a_size_has_the_unit_that_suits_it(value_bytes: float, text: str) -> None:
    assert units.size(value_bytes) == text


def test_rates_ratios_and_shares_carry_their_sign() -> None:
    assert units.rate(7930) == "7,930/s"
    assert units.ratio(1.234) == "1.23x"
    assert units.share(0.996) == "99.6%"
    assert units.share(0.99) == "99.0%"


def test_wrong_input_tells_every_problem_with_its_remedy() -> None:
    error = InputError(
        [
            Problem(where="plan.toml: a", found="is missing", remedy="add it"),
            Problem(where="--b", found="is no number", remedy="give one"),
        ]
    )

    assert str(error) == "plan.toml: a: is missing\n    add it\n--b: is no number\n    give one"
    assert [problem.where for problem in error.problems] == ["plan.toml: a", "--b"]


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (InputError([]), EXIT_BAD_INPUT),
        (ServerError("died"), EXIT_NOT_VALID),
        (LoadGeneratorError("broke off"), EXIT_NOT_VALID),
    ],
)
def test_every_error_has_its_exit_code(error: PortcompareError, exit_code: int) -> None:
    assert error.exit_code == exit_code


@pytest.mark.parametrize(
    ("value", "model", "text"),
    [
        (1, "closed", "1 user"),
        (64.0, "closed", "64 users"),
        (1.0, "open", "1 request/s"),
        (0.5, "open", "0.5 requests/s"),
        (10_000, "open", "10,000 requests/s"),
    ],
)
def test_a_level_has_the_unit_of_its_load_model(value: float, model: units.LoadModel, text: str) -> None:
    assert units.level(value, model) == text
