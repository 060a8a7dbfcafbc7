import inspect
import logging
import time
from collections.abc import Mapping

import pytest

from tests.twins.cases import CASES, SERVER_TIMING, Case, comparable
from tests.twins.sending import INTERNALS, TWINS, MakeSender, Send, create_app

# The async view is the one of /data; all else is the Flask twin's.
APPS = [
    *((app, case) for app in TWINS for case in CASES),
    *(("async_flask", case) for case in CASES if case.target.partition("?")[0] == "/data"),
]


@pytest.mark.parametrize(("app", "case"), APPS, ids=str)
def test_each_app_sends_the_expected_response_and_the_same_as_the_others(
    senders: Mapping[str, Send], app: str, case: Case
) -> None:
    response, baseline = case.send(senders[app]), case.send(senders["sync_flask"])
    case.check(response)
    assert response.content == baseline.content
    assert comparable(response) == comparable(baseline)
    if case.method == "GET":
        head = case.send(senders[app], "HEAD")
        assert comparable(head) == comparable(response)
        assert head.content == b""


def test_the_duration_contains_the_delay(send: Send) -> None:
    started = time.perf_counter()
    response = send("GET", "/data?delay=0.05")
    elapsed_ms = (time.perf_counter() - started) * 1000
    match = SERVER_TIMING.fullmatch(response.headers["Server-Timing"])
    assert match is not None
    assert 49 <= float(match[1]) < elapsed_ms  # a timer may end up to one millisecond early


def test_only_the_view_of_the_data_is_async() -> None:
    views = create_app("async_flask", {}).view_functions
    assert [name for name, view in views.items() if inspect.iscoroutinefunction(view)] == ["data"]


def test_an_unhandled_exception_is_logged(send: Send, caplog: pytest.LogCaptureFixture) -> None:
    assert INTERNALS not in str(send("GET", "/breaks").headers)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "/breaks" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is RuntimeError
    assert INTERNALS in caplog.text


def test_debugging_requested_in_the_environment_stays_off(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("FLASK_DEBUG", "QUART_DEBUG"):
        monkeypatch.setenv(variable, "1")
    send = make_sender({})
    response = send("GET", "/breaks")
    assert response.status_code == 500
    assert INTERNALS not in response.text
    assert send("GET", "/data").status_code == 200
