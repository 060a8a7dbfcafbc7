"""What does each rule of a port cost a request, beside the same route on Flask?

    .venv/bin/python -m benchmarks.port_costs [--smoke]

A Flask app with a route for each pitfall is ported; both are called in one process, in turns, without server
and network: CPU time a request. Writes docs/porting.md.
"""

import asyncio
import importlib
import io
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common import header, in_turn, publish, row, spread
from benchmarks.port import PAGE, port

REQUESTS, ROUNDS = 300, 10
ROUTES = {
    "/plain": "nothing to do: async",
    "/query": "`request.args`, `jsonify`: async",
    "/json": "a JSON body: awaited, 415 and encodings as on Flask",
    "/form": "a form: awaited",
    "/template": "a template: awaited",
    "/session": "the session is read: `Vary` as on Flask",
    "/blocks": "opens a file: the view stays `def`, in a thread",
    "/both": "opens a file and renders a template: in a thread, and waits for the loop",
    "/stream": "a generator with `stream_with_context`",
}
APP = """
from flask import Flask, Response, jsonify, render_template_string, request, session, stream_with_context

app = Flask(__name__)
app.secret_key = "benchmark"


@app.get("/plain")
def plain():
    return "plain"


@app.get("/query")
def query():
    return jsonify(name=request.args.get("name", "none"))


@app.post("/json")
def json():
    return jsonify(request.get_json())


@app.post("/form")
def form():
    return request.form["name"]


@app.get("/template")
def template():
    return render_template_string("<p>{{ request.path }}</p>")


@app.get("/session")
def read_session():
    return str(session.get("user"))


@app.get("/blocks")
def blocks():
    with open(__file__) as file:
        return file.readline() + "blocks"


@app.get("/both")
def both():
    with open(__file__) as file:
        return render_template_string("<p>{{ line }}</p>", line=file.readline())


@app.get("/stream")
def stream():
    return Response(stream_with_context(part for part in ("a", "b", "c")))
"""
BODIES = {
    "/json": (b'{"name": "a"}', "application/json"),
    "/form": (b"name=a", "application/x-www-form-urlencoded"),
}


def main(*, smoke: bool) -> None:
    """Measure and publish."""
    requests, rounds = (10, 2) if smoke else (REQUESTS, ROUNDS)
    with tempfile.TemporaryDirectory(prefix="port-costs-") as name:
        folder = Path(name)
        (folder / "flask_side").mkdir()
        (folder / "flask_side" / "on_flask.py").write_text(APP, encoding="utf-8")
        port(folder / "flask_side", folder / "quart_side")
        (folder / "quart_side" / "on_flask.py").rename(folder / "quart_side" / "on_quart.py")
        sys.path[:0] = [str(folder / "flask_side"), str(folder / "quart_side")]
        flask, quart = (importlib.import_module(side).app for side in ("on_flask", "on_quart"))
        with asyncio.Runner() as runner:
            lines = header("route", "on Flask, us", "in the port, us")
            for path, what in ROUTES.items():
                calls: dict[str, Callable[[], None]] = {
                    "Flask": partial(call_flask, flask, path),
                    "port": partial(call_quart, runner, quart, path),
                }
                times_us = in_turn(
                    {side: partial(time_calls, call, requests) for side, call in calls.items()}, rounds
                )
                lines.append(row(what, spread(times_us["Flask"]), spread(times_us["port"])))
    publish("port-costs", lines, page=PAGE, dry=smoke)


def time_calls(call: Callable[[], None], number: int) -> float:
    """The CPU time of a call, of all threads, in microseconds."""
    call()
    began_s = time.process_time()
    for _ in range(number):
        call()
    return (time.process_time() - began_s) / number * 1e6


def call_flask(app: Any, path: str) -> None:  # noqa: ANN401 - an app
    """Send a request to a WSGI app."""
    body, media_type = BODIES.get(path, (b"", ""))
    environ: dict[str, object] = {
        "REQUEST_METHOD": "POST" if body else "GET",
        "PATH_INFO": path,
        "wsgi.input": io.BytesIO(body),
    }
    environ |= {"SERVER_NAME": "h", "SERVER_PORT": "80", "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr}
    environ |= {"CONTENT_TYPE": media_type, "CONTENT_LENGTH": str(len(body)), "HTTP_HOST": "h"}
    environ |= {"wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False}
    statuses: list[str] = []
    response = app(environ, lambda status, *_: statuses.append(status))
    assert list(response)
    response.close()
    assert statuses == ["200 OK"], (path, statuses)


def call_quart(runner: asyncio.Runner, app: Any, path: str) -> None:  # noqa: ANN401 - an app
    """Send a request to an ASGI app."""
    body, media_type = BODIES.get(path, (b"", ""))
    headers = [
        (b"host", b"h"),
        (b"content-type", media_type.encode()),
        (b"content-length", b"%d" % len(body)),
    ]
    scope: dict[str, object] = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST" if body else "GET",
        "scheme": "http",
    }
    scope |= {
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "root_path": "",
    }
    scope |= {
        "asgi": {"spec_version": "2.3"},
        "client": ("127.0.0.1", 1),
        "server": ("h", 80),
        "extensions": {},
    }
    sent: list[dict[str, Any]] = []

    async def exchange() -> None:
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])
        is_over = asyncio.Event()

        async def receive() -> dict[str, Any]:
            for message in messages:
                return message
            await is_over.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await app(scope, receive, send)

    runner.run(exchange())
    assert sent[0]["status"] == 200, (path, sent)  # noqa: PLR2004 - OK


if __name__ == "__main__":
    main(smoke="--smoke" in sys.argv)
