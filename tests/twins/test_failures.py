import logging

import pytest

from tests.twins.sending import INTERNALS, MakeSender, Send


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
