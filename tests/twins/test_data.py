import pytest

from tests.twins.sending import Send

BODY = b'{"message":"Hello"}\n'

NOT_A_DELAY = [
    *("-1", "-0", "-0.5", "10.000001", "11", "1e2", "1e309", "1" * 400),
    *("nan", "NaN", "inf", "-inf", "Infinity", "abc", "0x1", "true", "null"),
    *("", "%20", "%201", "1%20", "+1", "%2B1", "1%0A", "%00", "1%00", "%09"),
    *("1_0", "1,5", "1;2", ".5", "1.", "1e", "e1", "1e1.5", "1.2.3", "%D9%A1", "%EF%BC%91", "%C2%B2", "%ff"),
]


def test_data_is_the_message(send: Send) -> None:
    answer = send("GET", "/data")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.content == BODY


@pytest.mark.parametrize(
    "delay", ["0", "0.0", "0.001", "00.001", "1e-3", "1E-3", "0.01e-1", "0e%2B5", "1e-999"]
)
def test_a_delayed_answer_is_the_same(send: Send, delay: str) -> None:
    answer = send("GET", f"/data?delay={delay}")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.content == BODY


@pytest.mark.parametrize(
    "query", [*(f"delay={text}" for text in NOT_A_DELAY), "delay", "delay=0&delay=0", "delay=0&x=1&delay="]
)
def test_a_delay_that_is_none_is_a_problem_naming_the_parameter_and_its_range(send: Send, query: str) -> None:
    answer = send("GET", f"/data?{query}")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "The query parameter 'delay' must be given at most once,"
        " as a plain decimal number of seconds from 0 to 10.0.",
        "parameter": "delay",
        "minimum": 0.0,
        "maximum": 10.0,
    }


def test_a_problem_does_not_repeat_what_was_sent(send: Send) -> None:
    answer = send("GET", "/data?delay=%3Cscript%3E")

    assert b"script" not in answer.content
    assert "script" not in str(answer.headers)


@pytest.mark.parametrize("query", ["", "x=1", "Delay=nan", "xdelay=nan", "x=delay%3Dnan"])
def test_other_parameters_are_ignored(send: Send, query: str) -> None:
    assert send("GET", f"/data?{query}").content == BODY


def test_head_is_get_without_the_body(send: Send) -> None:
    answer = send("HEAD", "/data")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"] == str(len(BODY))
    assert answer.content == b""


def test_head_refuses_a_bad_delay_too(send: Send) -> None:
    answer = send("HEAD", "/data?delay=-1")

    assert answer.status_code == 400
    assert answer.content == b""


def test_options_tells_the_methods(send: Send) -> None:
    answer = send("OPTIONS", "/data")

    assert answer.status_code == 200
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert answer.content == b""
