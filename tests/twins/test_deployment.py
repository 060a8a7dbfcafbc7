import pytest

from tests.twins.sending import MakeSender


def test_without_a_delay_nothing_sleeps(make_sender: MakeSender, naps: list[float]) -> None:
    make_sender({}, {})("GET", "/data")

    assert naps == []


def test_a_delay_of_zero_does_not_sleep(make_sender: MakeSender, naps: list[float]) -> None:
    make_sender({"DATA_DELAY_S": "0"}, {})("GET", "/data?delay=0")

    assert naps == []


@pytest.mark.parametrize(("asked", "slept"), [("0.25", 0.25), ("1e1", 10.0), ("10", 10.0), ("007", 7.0)])
def test_a_request_sleeps_as_long_as_it_asks(
    make_sender: MakeSender, naps: list[float], asked: str, slept: float
) -> None:
    assert make_sender({}, {})("GET", f"/data?delay={asked}").status_code == 200
    assert naps == [slept]


def test_the_environment_sets_the_delay_of_requests_that_ask_for_none(
    make_sender: MakeSender, naps: list[float]
) -> None:
    send = make_sender({"DATA_DELAY_S": "2.5"}, {})

    assert send("GET", "/data").content == b'{"message":"Hello"}\n'
    assert naps == [2.5]


@pytest.mark.parametrize(("asked", "slept"), [("1", [1.0]), ("0", [])])
def test_a_request_overrides_the_delay_of_the_environment(
    make_sender: MakeSender, naps: list[float], asked: str, slept: list[float]
) -> None:
    make_sender({"DATA_DELAY_S": "2.5"}, {})("GET", f"/data?delay={asked}")

    assert naps == slept


def test_the_delay_of_the_environment_is_for_the_data_only(
    make_sender: MakeSender, naps: list[float]
) -> None:
    make_sender({"DATA_DELAY_S": "2.5"}, {})("GET", "/healthz")

    assert naps == []


def test_the_environment_raises_the_limit(make_sender: MakeSender, naps: list[float]) -> None:
    make_sender({"DATA_MAX_DELAY_S": "3600"}, {})("GET", "/data?delay=3600")

    assert naps == [3600.0]


def test_the_environment_lowers_the_limit(make_sender: MakeSender, naps: list[float]) -> None:
    answer = make_sender({"DATA_MAX_DELAY_S": "0.5"}, {})("GET", "/data?delay=0.51")

    assert answer.status_code == 400
    assert answer.json()["maximum"] == 0.5
    assert "from 0 to 0.5." in answer.json()["detail"]
    assert naps == []
