"""What the patterns answer, over a socket too."""

from hashlib import sha256

import pytest

from tests.twins.sending import MakeSender, Send

BODY = b'{"message":"Hello"}\n'
WAITING = ["/data/blocking", "/data/cached", "/data/offloaded"]


@pytest.mark.parametrize("target", [*(f"{path}?delay=0.001" for path in WAITING), "/data/dict"])
def test_a_pattern_answers_the_data(send: Send, target: str) -> None:
    answer = send("GET", target)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.content == BODY


@pytest.mark.parametrize("path", WAITING)
def test_a_pattern_waits_as_long_as_it_is_asked_to(
    make_sender: MakeSender, naps: list[float], path: str
) -> None:
    make_sender({}, {})("GET", f"{path}?delay=7")

    assert naps == [7.0]


@pytest.mark.parametrize("path", WAITING)
def test_the_environment_sets_the_delay_of_a_pattern_too(
    make_sender: MakeSender, naps: list[float], path: str
) -> None:
    make_sender({"DATA_DELAY_S": "2.5"}, {})("GET", path)

    assert naps == [2.5]


@pytest.mark.parametrize("path", [*WAITING, "/data/upstream"])
def test_a_pattern_refuses_what_is_no_delay(make_sender: MakeSender, naps: list[float], path: str) -> None:
    answer = make_sender({}, {})("GET", f"{path}?delay=11")

    assert answer.status_code == 400
    assert answer.json()["parameter"] == "delay"
    assert naps == []


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_padding_makes_the_answer_so_much_larger(send: Send, size: int) -> None:
    answer = send("GET", f"/data?padding={size}")

    assert answer.json() == {"message": "Hello", "padding": "x" * size}


def test_no_padding_is_none(send: Send) -> None:
    assert send("GET", "/data?padding=0").content == BODY


@pytest.mark.parametrize("padding", ["-1", "1000001", "1.5", "1e3", "+1", "%201", "", "x", "1" * 5000])
def test_what_is_no_padding_is_a_problem(make_sender: MakeSender, padding: str) -> None:
    answer = make_sender({}, {})("GET", f"/data?padding={padding}")

    assert answer.status_code == 400
    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "The query parameter 'padding' must be given at most once,"
        " as a plain whole number of bytes from 0 to 1000000.",
        "parameter": "padding",
        "minimum": 0,
        "maximum": 1_000_000,
    }


def test_the_environment_sets_the_limit_of_padding(make_sender: MakeSender) -> None:
    send = make_sender({"DATA_MAX_PADDING_BYTES": "10"}, {})

    assert send("GET", "/data?padding=10").status_code == 200
    assert send("GET", "/data?padding=11").json()["maximum"] == 10


@pytest.mark.parametrize(
    ("work", "digest"),
    [("0", ""), ("1", sha256(b"").hexdigest()), ("2", sha256(sha256(b"").digest()).hexdigest())],
)
def test_work_is_computed(send: Send, work: str, digest: str) -> None:
    assert send("GET", f"/data/computed?work={work}").json() == {"message": "Hello", "digest": digest}


@pytest.mark.parametrize("work", ["-1", "1000001", "1.5"])
def test_what_is_no_work_is_a_problem(make_sender: MakeSender, work: str) -> None:
    answer = make_sender({}, {})("GET", f"/data/computed?work={work}")

    assert answer.status_code == 400
    assert answer.json()["maximum"] == 1_000_000
