"""Whole apps, on Flask and as ported, within this process: the same requests, the same responses."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from io import BytesIO
from pathlib import Path
from textwrap import dedent
from threading import Thread
from types import ModuleType
from typing import Any, cast

import httpx
import pytest
from flask import Flask

from portcompare.port.make import port_project
from tests.port.apps import blog, classes, client, extension, hooks, responses, site
from tests.port.apps.request import Request
from tests.twins.cases import CASES, comparable
from tests.twins.sending import Send, serve_in_process

COMPARED = (
    "allow",
    "cache-control",
    "content-disposition",
    "content-length",
    "content-type",
    "location",
    "vary",
    "x-size",
)
ROOT = Path(__file__).parents[2]


def write_port(project: Path, target: Path) -> None:
    made = port_project(project)
    assert made is not None
    assert made.left == ()
    shutil.copytree(project, target, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in made.files.items():
        (target / name).write_bytes(text)


@pytest.fixture
def forget_modules() -> Iterator[None]:
    """Forget the modules that a test imports: both sides have the same names."""
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        if name.partition(".")[0] in ("app", "as_flask", "db", "ported"):
            del sys.modules[name]


def describe(response: httpx.Response) -> dict[str, object]:
    headers = {name: response.headers[name] for name in COMPARED if name in response.headers}
    headers["allow"] = ",".join(sorted(re.findall(r"\w+", headers.get("allow", ""))))
    return {"status": response.status_code, "text": response.text, **headers}


def respond(
    folder: Path, requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, object]]:
    """The responses of the app in a folder; a port also gets all requests at once, which must not fail."""
    for name in ("app", "as_flask", "db"):
        sys.modules.pop(name, None)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(folder)
    app = import_module("app").app
    if isinstance(app, Flask):
        transport = httpx.WSGITransport(app, raise_app_exceptions=False)
        with httpx.Client(transport=transport, base_url="http://a.test") as client:
            return [describe(client.request(*each[:2], **each[2])) for each in requests]

    async def send_all() -> list[dict[str, object]]:
        asgi = httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False)
        async with app.test_app(), httpx.AsyncClient(transport=asgi, base_url="http://a.test") as client:
            found = [describe(await client.request(*each[:2], **each[2])) for each in requests]
            at_once = [client.request(*each[:2], **each[2]) for each in requests * 4 if each[0] == "GET"]
            assert all(each.status_code < 500 for each in await asyncio.gather(*at_once))
            return found

    return asyncio.run(send_all())


class _Upstream(BaseHTTPRequestHandler):
    """Responds with what it receives."""

    def do_GET(self) -> None:
        shown = {name: self.headers[name] for name in ("Authorization", "Content-Type", "Cookie", "X-A")}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        text = json.dumps([self.command, self.path, shown, body]).encode()
        self.send_response({"/missing": 404, "/moved": 302}.get(self.path, 200))
        for name, value in (("Location", "/a"), ("Set-Cookie", "seen=1"), ("Content-Length", str(len(text)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text if self.command != "HEAD" else b"")

    do_HEAD = do_POST = do_GET  # noqa: N815 - the names that the server calls

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 100


@pytest.fixture(scope="module")
def upstream() -> Iterator[None]:
    with _Server(("127.0.0.1", 0), _Upstream) as server, pytest.MonkeyPatch.context() as patch:
        Thread(target=server.serve_forever, daemon=True).start()
        patch.setenv("UPSTREAM", f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()


@pytest.mark.usefixtures("forget_modules")
def test_a_stream_that_fails_at_once_is_an_error_and_a_test_client_takes_what_that_of_flask_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
        from flask import Flask, Response, request
        app = Flask(__name__)
        @app.get("/late")
        def late():
            return Response(str(1 / number) for number in (1, 0))
        @app.get("/early")
        def early():
            return Response(str(1 / number) for number in (0, 1))
        @app.post("/")
        def read():
            file = request.files["f"]
            return file.filename + request.form["a"] + str(1 / int(request.form["n"])) + file.read().decode()
        app.add_url_rule("/moved", "moved", redirect_to="/none")
        client = app.test_client()
        """
    (tmp_path / "flask").mkdir()
    (tmp_path / "flask" / "app.py").write_text(dedent(text))
    write_port(tmp_path / "flask", tmp_path / "quart")
    monkeypatch.syspath_prepend(tmp_path / "quart")
    module = import_module("app")

    boundary = "B" * 32

    async def in_two_parts() -> AsyncIterator[bytes]:
        names = {"a": "b", 'f"; filename="a.txt': "x"}
        fields = (f'\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{names[name]}' for name in names)
        yield f"--{boundary}".join(["", *(f"{field}\r\n" for field in fields), "-"]).encode()
        yield b"-\r\n"

    async def send_all() -> None:
        asgi = httpx.ASGITransport(module.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=asgi, base_url="http://a.test") as client:
            assert [(await client.get(path)).status_code for path in ("/late", "/early")] == [200, 500]
        parser = module.app.request_class.form_data_parser_class()
        form, files = await parser.parse(in_two_parts(), "multipart/form-data", None, {"boundary": boundary})
        with closing(files["f"]) as file:
            assert (form["a"], file.read()) == ("b", b"x")
        module.app.testing = True
        data = {"f": (BytesIO(b"x"), "a.txt"), "a": "b", "n": 1}
        response = await module.client.post("/", data=data, content_type="multipart/form-data")
        assert await response.text == "a.txtb1.0x"
        moved = await module.client.get("/moved", follow_redirects=True)
        assert (moved.request.path, len(moved.history), moved.status_code) == ("/none", 1, 404)
        with pytest.raises(ZeroDivisionError):
            await module.client.post("/", data={"f": (BytesIO(b"x"), "a.txt"), "a": "b", "n": 0})

    asyncio.run(send_all())


@pytest.mark.usefixtures("forget_modules", "upstream")
@pytest.mark.parametrize("app", [blog, classes, client, extension, hooks, responses, site])
def test_a_port_responds_as_its_app(app: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, text in app.FILES.items():
        file = tmp_path / "flask" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    write_port(tmp_path / "flask", tmp_path / "quart")
    assert port_project(tmp_path / "quart") is None  # a port has nothing to port
    before = respond(tmp_path / "flask", app.REQUESTS, monkeypatch)
    assert respond(tmp_path / "quart", app.REQUESTS, monkeypatch) == before


@pytest.fixture
def send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_modules: None) -> Iterator[Send]:
    del forget_modules
    shutil.copytree(ROOT / "sync_flask", tmp_path / "ported", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "out").mkdir()
    write_port(tmp_path / "ported", tmp_path / "out" / "ported")
    monkeypatch.syspath_prepend(tmp_path / "out")
    with serve_in_process("ported", {}) as sending:
        yield sending


def test_the_port_of_the_flask_twin_responds_as_the_twin_in_every_case(send: Send) -> None:
    with serve_in_process("sync_flask", {}) as baseline:
        for case in CASES:
            response = case.send(send)
            case.check(response)
            assert comparable(response) == comparable(case.send(baseline))


def test_the_port_of_the_flask_twin_is_the_quart_twin_but_for_a_few_lines(send: Send) -> None:
    del send
    different: dict[str, set[str]] = {}
    ported = Path(str(import_module("ported").__file__)).parent
    for file in ported.glob("*.py"):
        twin = ROOT / "async_quart" / file.name
        theirs = set(twin.read_text().splitlines()) if twin.exists() else set()
        own = {line.strip() for line in set(file.read_text().splitlines()) - theirs}
        different[file.name] = own - {""} if twin.exists() else set()
    assert different.pop("__init__.py")
    assert {name: lines for name, lines in different.items() if lines} == {
        "app.py": {"from quart import Response, jsonify", "from .as_flask import Quart"},
        "cached.py": {
            "from collections.abc import Callable",
            "async def get(self, key: float, compute: Callable[[float], str]) -> str:",
        },
        "data.py": {"await asyncio.sleep(read_delay(config))"},
    }
