"""One answer a second for all who ask the same: hundreds of viewers cost little more than one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from gevent.pywsgi import WSGIHandler

if TYPE_CHECKING:
    from portcompare.loadgen.webui.board import Board, Snapshot

_END: Final = b"\r\n\r\n"
_OK: Final = 200
_BODY: Final = (b"\r\ncontent-length:", b"\r\ntransfer-encoding:")
_COOKIE: Final = b"\r\nset-cookie:"


def replaying(path: str, board: Board) -> type[WSGIHandler]:
    """A handler for gevent's server that gives the same question the answer that was just given.

    Reading a request, the application's routes and writing the answer take half a millisecond or more, for
    what has been computed already. Questions are the same if they are so byte by byte, cookies included.
    """
    own = {"question": f"GET {path} HTTP/1.1\r\n".encode(), "answers": _Answers(board)}
    return type("ReplayingHandler", (_Handler,), own)


class _Answers:
    """What was said since the board's last snapshot, by the question's bytes."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._snapshot: Snapshot | None = None
        self._answers: dict[bytes, bytes] = {}

    def current(self) -> dict[bytes, bytes]:
        if self._snapshot is not self._board.snapshot:
            self._snapshot = self._board.snapshot
            self._answers = {}
        return self._answers


class _Handler(WSGIHandler):
    question: ClassVar[bytes]
    answers: ClassVar[_Answers]

    _said: bytearray | None = None

    def handle_one_request(self) -> object:
        head = self._peek()
        if not self._is_question(head):
            return super().handle_one_request()
        answers = self.answers.current()
        if head in answers:
            return self._repeat(head, answers[head])
        self._said = bytearray()
        goes_on = super().handle_one_request()
        said, self._said = bytes(self._said), None
        if goes_on is True and self.code == _OK and _COOKIE not in said.partition(_END)[0].lower():
            answers[head] = said
        return goes_on

    def _peek(self) -> bytes:
        """What has come of the next request, without taking it; nothing if the connection has ended."""
        try:
            return b"" if self.rfile.closed else self.rfile.peek()
        except OSError:
            return b""

    def _is_question(self, head: bytes) -> bool:
        """Whether it is a whole question for the path without a body, and nothing else."""
        return (
            head.startswith(self.question)
            and head.find(_END) == len(head) - len(_END)
            and not any(name in head.lower() for name in _BODY)
        )

    def _repeat(self, head: bytes, answer: bytes) -> bool | None:
        self.rfile.read(len(head))
        try:
            self.socket.sendall(answer)
        except OSError:  # the viewer has gone
            return None
        return True

    def _sendall(self, data: bytes) -> None:
        if self._said is not None:
            self._said += data
        super()._sendall(data)
