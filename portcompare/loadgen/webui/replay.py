"""One answer a second for all who ask the same: hundreds of viewers cost about as much as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from portcompare.loadgen.webui.board import Board, Snapshot

_ASKED_WITH: Final = (
    *("HTTP_HOST", "HTTP_COOKIE", "HTTP_ACCEPT_ENCODING", "HTTP_RANGE", "QUERY_STRING", "HTTP_ACCEPT"),
    *("HTTP_AUTHORIZATION", "HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE"),
)
"""What an answer can depend on; who asks with another cookie is another."""

_OK: Final = "200 OK"

Key = tuple[str, ...]
Answer = tuple[list[tuple[str, str]], bytes]


class Replay:
    """A WSGI application in front of another one: gives what that one has just said to the same question.

    The routes of Flask take half a millisecond for what has been computed already.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], path: str, board: Board) -> None:
        """Stand in front of an application.

        Args:
            app: The application.
            path: The path whose answers are replayed, until the board has a new snapshot.
            board: The board.
        """
        self._app = app
        self._path = path
        self._board = board
        self._snapshot: Snapshot = board.snapshot
        self._answers: dict[Key, Answer] = {}

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Callable[[bytes], object]]
    ) -> Iterable[bytes]:
        """Answer a request.

        Args:
            environ: As WSGI has it.
            start_response: As WSGI has it.

        Returns:
            The body.
        """
        if environ["PATH_INFO"] != self._path or environ["REQUEST_METHOD"] != "GET":
            return self._app(environ, start_response)
        if self._snapshot is not self._board.snapshot:
            self._snapshot = self._board.snapshot
            self._answers.clear()
        key = tuple(environ.get(name, "") for name in _ASKED_WITH)
        if key not in self._answers:
            return self._ask(key, environ, start_response)
        headers, body = self._answers[key]
        start_response(_OK, headers)
        return [body]

    def _ask(
        self,
        key: Key,
        environ: dict[str, Any],
        start_response: Callable[..., Callable[[bytes], object]],
    ) -> Iterable[bytes]:
        told: list[tuple[str, list[tuple[str, str]]]] = []

        def note(status: str, headers: list[tuple[str, str]], *rest: object) -> Callable[[bytes], object]:
            told.append((status, headers))
            return start_response(status, headers, *rest)

        body = b"".join(self._app(environ, note))
        status, headers = told[0]
        if status == _OK and not any(name.lower() == "set-cookie" for name, _ in headers):
            self._answers[key] = (headers, body)
        return [body]
