import logging

import pytest
from werkzeug.exceptions import ImATeapot, TooManyRequests

from tests.twins.sending import MakeSender, Send

INTERNALS = "connection to 10.0.0.7 lost"


def view_that_breaks() -> str:
    raise RuntimeError(INTERNALS)


def view_that_is_a_teapot() -> str:
    raise ImATeapot


def view_that_is_busy() -> str:
    raise TooManyRequests(retry_after=7)


def view_with_a_slash() -> str:
    return "branch"


@pytest.fixture
def failing(make_sender: MakeSender) -> Send:
    views = {
        "/breaks": view_that_breaks,
        "/teapot": view_that_is_a_teapot,
        "/busy": view_that_is_busy,
        "/branch/": view_with_a_slash,
    }
    return make_sender({}, views)


def test_an_unhandled_exception_is_a_problem_that_leaks_nothing(failing: Send) -> None:
    answer = failing("GET", "/breaks")

    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "The server encountered an internal error and was unable to complete your request."
        " Either the server is overloaded or there is an error in the application.",
    }
    assert INTERNALS not in str(answer.headers)


def test_an_unhandled_exception_is_logged(failing: Send, caplog: pytest.LogCaptureFixture) -> None:
    failing("GET", "/breaks")

    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "/breaks" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is RuntimeError
    assert INTERNALS in caplog.text


def test_debugging_asked_for_in_the_environment_stays_off(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    monkeypatch.setenv("QUART_DEBUG", "1")
    send = make_sender({}, {"/breaks": view_that_breaks})

    assert send("GET", "/breaks").status_code == 500
    assert send("GET", "/data").content == b'{"message":"Hello"}\n'


def test_any_other_http_error_is_a_problem(failing: Send) -> None:
    answer = failing("GET", "/teapot")

    assert answer.status_code == 418
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["title"] == "I'm a teapot"


def test_an_error_keeps_its_headers(failing: Send) -> None:
    answer = failing("GET", "/busy")

    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "7"


def test_a_redirect_of_the_routing_stays_a_redirect(failing: Send) -> None:
    answer = failing("GET", "/branch")

    assert answer.status_code == 308
    assert answer.headers["Location"].endswith("/branch/")


@pytest.mark.parametrize("path", ["/breaks", "/teapot", "/busy", "/branch"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_a_failure_tells_its_duration_too(failing: Send, method: str, path: str) -> None:
    assert failing(method, path).headers["Server-Timing"].startswith("app;dur=")
