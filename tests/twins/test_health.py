import pytest

from tests.twins.sending import Send


def test_health_is_a_small_constant(send: Send) -> None:
    answer = send("GET", "/healthz")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.content == b'{"status":"ok"}\n'


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_health_can_only_be_read(send: Send, method: str) -> None:
    assert send(method, "/healthz").status_code == 405
