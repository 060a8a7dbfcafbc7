from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING
from wsgiref.util import setup_testing_defaults

from portcompare.serve.servers.hypercorn_wsgi.portcompare_never_empty import never_empty

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


class Body:
    """A WSGI body that knows whether it was closed."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    def close(self) -> None:
        self.closed = True


def serve(monkeypatch: pytest.MonkeyPatch, body: object) -> list[bytes]:
    module = ModuleType("probed")
    vars(module)["site"] = SimpleNamespace(app=lambda _environ, _start_response: body)
    monkeypatch.setitem(sys.modules, "probed", module)
    environ: dict[str, str] = {}
    setup_testing_defaults(environ)
    answer = never_empty("probed", "site.app")(environ, lambda *_: lambda _: None)
    pieces = list(answer)
    if hasattr(answer, "close"):
        answer.close()
    return pieces


def test_an_answer_without_a_body_gets_an_empty_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    assert serve(monkeypatch, Body()) == [b""]


def test_a_body_passes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert serve(monkeypatch, Body(b"a", b"b")) == [b"a", b"b"]


def test_the_body_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    body = Body(b"a")
    serve(monkeypatch, body)
    assert body.closed


def test_a_body_that_cannot_be_closed_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert serve(monkeypatch, [b"a"]) == [b"a"]
