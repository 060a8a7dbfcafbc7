from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portcompare.loadgen.webui.board import Board
from portcompare.loadgen.webui.replay import Replay
from portcompare.ui_protocol import UiPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Asked:
    """An application that counts how often it is asked, and lets in those with a cookie alone."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        self.times += 1
        is_known = environ.get("HTTP_COOKIE") == "known"
        start_response("200 OK" if is_known else "401 Unauthorized", [("X-Times", str(self.times))])
        return [b"figures" if is_known else b"log in"]


def get(app: Replay, *, path: str = "/side-by-side.json", method: str = "GET", cookie: str = "") -> bytes:
    environ = {"PATH_INFO": path, "REQUEST_METHOD": method, "HTTP_COOKIE": cookie}
    return b"".join(app(environ, lambda *_: lambda _: None))


def test_the_same_question_is_answered_once_until_there_is_something_new() -> None:
    asked, board = Asked(), Board(UiPlan(name="", arms=()))
    app = Replay(asked, "/side-by-side.json", board)
    for _ in range(200):
        assert get(app, cookie="known") == b"figures"
    assert asked.times == 1
    board.tick("running")
    assert get(app, cookie="known") == b"figures"
    assert asked.times == 2


def test_whoever_asks_with_another_cookie_or_another_way_is_asked_for_himself() -> None:
    asked = Asked()
    app = Replay(asked, "/side-by-side.json", Board(UiPlan(name="", arms=())))
    assert get(app, cookie="known") == b"figures"
    assert get(app, cookie="forged") == b"log in"
    assert get(app, cookie="forged") == b"log in"  # a refusal is not kept
    assert get(app, cookie="known", method="POST") == b"figures"
    assert get(app, cookie="known", path="/side-by-side.csv") == b"figures"
    assert asked.times == 5
