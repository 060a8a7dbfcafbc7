import pytest

from tests.twins.sending import Send


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("path", ["/nothing", "/DATA", "/data/x", "/static/x"])
def test_an_unknown_path_is_a_problem(send: Send, method: str, path: str) -> None:
    answer = send(method, path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "The requested URL was not found on the server."
        " If you entered the URL manually please check your spelling and try again.",
    }


@pytest.mark.parametrize("path", ["/data/", "/healthz/"])
def test_a_trailing_slash_makes_another_path(send: Send, path: str) -> None:
    answer = send("GET", path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_unknown_path_has_no_body_for_head(send: Send) -> None:
    answer = send("HEAD", "/nothing")

    assert answer.status_code == 404
    assert answer.content == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_a_method_that_is_not_allowed_is_a_problem_telling_those_that_are(send: Send, method: str) -> None:
    answer = send(method, "/data", headers={"Content-Type": "text/plain"}, content=b"ignored")

    assert answer.status_code == 405
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert answer.json() == {
        "type": "about:blank",
        "title": "Method Not Allowed",
        "status": 405,
        "detail": "The method is not allowed for the requested URL.",
    }
