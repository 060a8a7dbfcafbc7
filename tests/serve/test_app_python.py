"""What runs in the app's interpreter, inside servers."""

import ast
import asyncio
import runpy
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from wsgiref.util import setup_testing_defaults

import pytest
from asgiref.sync import SyncToAsync
from werkzeug import Request, Response

from portcompare.serve.app_python.portcompare_import_check import describe_gil
from portcompare.serve.app_python.portcompare_servers import never_empty
from portcompare.serve.recipe import ADAPTED, ADAPTED_TARGET, FACTORY_TARGET
from portcompare.serve.servers import ADAPTERS, APP_PYTHON

MODULE, _, NAME = FACTORY_TARGET.partition(":")
SCRIPTS = sorted(APP_PYTHON.glob("portcompare_*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_what_runs_in_the_apps_interpreter_is_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_the_folder_on_the_import_path_hides_no_module_of_an_app() -> None:
    assert len(SCRIPTS) == 9
    assert {path.name for path in APP_PYTHON.glob("*.py")} == {"__init__.py", *(one.name for one in SCRIPTS)}


class Body:
    """A WSGI body that knows whether it was closed."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.chunks)

    def close(self) -> None:
        self.closed = True


def respond(monkeypatch: pytest.MonkeyPatch, body: object) -> list[bytes]:
    module = ModuleType("probed")
    vars(module)["site"] = SimpleNamespace(app=lambda _environ, _start_response: body)
    monkeypatch.setitem(sys.modules, "probed", module)
    environ: dict[str, str] = {}
    setup_testing_defaults(environ)
    response = never_empty("probed", "site.app")(environ, lambda *_: lambda _: None)
    chunks = list(response)
    if hasattr(response, "close"):
        response.close()
    return chunks


@pytest.mark.parametrize(("chunks", "sent"), [([], [b""]), ([b"a", b"b"], [b"a", b"b"])])
def test_a_response_without_a_body_gets_an_empty_chunk_and_its_body_is_closed(
    monkeypatch: pytest.MonkeyPatch, chunks: list[bytes], sent: list[bytes]
) -> None:
    body = Body(*chunks)
    assert respond(monkeypatch, body) == sent
    assert body.closed
    assert respond(monkeypatch, [b"a"]) == [b"a"]  # which cannot be closed


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapted_app_reads_a_body_without_a_length_and_closes_its_own_in_any_context(
    monkeypatch: pytest.MonkeyPatch, adapter: str
) -> None:
    sent: list[dict[str, object]] = []
    closed = Body(b"")

    @Request.application
    def app(request: Request) -> Response:
        response = Response(request.get_data())
        response.call_on_close(closed.close)
        return response

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def exchange() -> None:
        parts: Iterator[dict[str, object]] = iter([{"body": b"a", "more_body": True}, {"body": b"b"}])
        SyncToAsync.deadlock_context.set(True)  # as left by an earlier request

        def receive() -> asyncio.Future[dict[str, object]]:  # like granian's, which is no coroutine
            received = asyncio.get_running_loop().create_future()
            received.set_result({"type": "http.request", **next(parts)})
            return received

        scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/", "query_string": b""}
        await adapted(scope | {"headers": []}, receive, send)

    module = ModuleType("probed")
    vars(module)["app"] = app
    monkeypatch.setitem(sys.modules, "probed", module)
    monkeypatch.setenv(ADAPTED, f"{adapter} 2 probed:app")
    monkeypatch.syspath_prepend(APP_PYTHON)
    adapted = runpy.run_module(ADAPTED_TARGET.partition(":")[0])["app"]
    asyncio.run(exchange())
    assert sent[0]["status"] == 200
    assert b"".join(message.get("body", b"") for message in sent[1:]) == b"ab"  # type: ignore[misc]
    assert closed.closed


@pytest.mark.parametrize(
    ("is_enabled", "is_free_threaded", "found"),
    [(None, None, "on"), (True, 0, "on"), (True, 1, "on (free-threaded build)"), (False, 1, "off")],
)
def test_the_state_of_the_gil_is_that_of_the_interpreter(
    monkeypatch: pytest.MonkeyPatch, *, is_enabled: bool | None, is_free_threaded: int | None, found: str
) -> None:
    if is_enabled is not None:
        monkeypatch.setattr(sys, "_is_gil_enabled", lambda: is_enabled, raising=False)
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: is_free_threaded)
    assert describe_gil() == found
