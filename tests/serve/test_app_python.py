"""What runs in the app's interpreter, inside servers."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from wsgiref.util import setup_testing_defaults

import pytest

from portcompare.serve.app_python.portcompare_servers import never_empty
from portcompare.serve.recipe import FACTORY_TARGET
from portcompare.serve.servers import APP_PYTHON

MODULE, _, NAME = FACTORY_TARGET.partition(":")
SCRIPTS = sorted(APP_PYTHON.glob("portcompare_*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_what_runs_in_the_apps_interpreter_is_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_the_folder_on_the_import_path_hides_no_module_of_an_app() -> None:
    assert len(SCRIPTS) == 4
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
