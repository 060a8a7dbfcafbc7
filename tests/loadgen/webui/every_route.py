"""Requests every route of the web UI's URL map as several clients, and prints the responses.

A program, as Locust patches the process that imports it: `python every_route.py password|local CLIENT...`.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gevent
import locust  # noqa: F401 - first, as it patches the process
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from werkzeug.security import generate_password_hash

from portcompare.http.requests import http_request
from portcompare.loadgen.distributed_runner import DistributedRunner
from portcompare.loadgen.webui import access, routes
from portcompare.loadgen.webui.live import LiveUi
from portcompare.wire.protocol import Gather, OpenUi, Prepare, ScenarioSource, UiArm, UiPlan, UiScenario

PASSWORD = "correct horse"  # noqa: S105 - a test's
SOURCE = ScenarioSource(requests=((http_request("/"), 1.0),))
HEADERS = {
    "program": {"Accept": "*/*"},
    "cross-site request": {"Sec-Fetch-Site": "cross-site"},
    "foreign origin": {"Origin": "http://evil.example"},  # as browsers without Sec-Fetch-Site send it
}


def open_app(folder: Path, *, with_password: bool) -> Flask:
    gather = Gather(workers=0, here=False, cpus=(0,), host="127.0.0.1", port=0)
    runner = DistributedRunner(gather, None, lambda _: None)
    runner.prepare(Prepare(locustfile=None, scenarios={"front": SOURCE}))
    run = folder / "run"
    run.mkdir()
    (run / "report.html").write_text("<p>a report")
    arms = tuple(UiArm(name=name, url=f"http://{name}.test") for name in ("old", "new"))
    order = OpenUi(
        host="127.0.0.1",
        port=0,
        password_hash=generate_password_hash(PASSWORD, "pbkdf2:sha256:1") if with_password else None,
        plan=UiPlan(name="plan", arms=arms, scenarios={"front": UiScenario(name="front")}),
        runs=str(folder),
    )
    LiveUi(order, runner)
    app: Flask = runner.master.environment.web_ui.app
    return app


def routes_of(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Each endpoint with each method it takes, and a path of it."""
    values = {"path": "none.js", "filename": "none.js", "name": "report.html", "folder": "run"}
    for rule in app.url_map.iter_rules():
        with app.test_request_context():
            path = app.url_map.bind("test").build(
                rule.endpoint, {name: values[name] for name in rule.arguments}
            )
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, path.removeprefix("http://test")


def forged(app: Flask) -> str:
    """A session like a real one, signed by somebody who does not know the key."""
    serializer = SecureCookieSessionInterface()
    key, app.secret_key = app.secret_key, b"a guess"
    signer = serializer.get_signing_serializer(app)
    app.secret_key = key
    assert signer is not None
    return str(signer.dumps({"_user_id": "viewer", "_fresh": True}))


def request_all(app: Flask, base: str, kind: str) -> dict[str, Any]:
    client = app.test_client()
    headers = HEADERS.get(kind, {})
    if kind == "forged cookie":
        client.set_cookie("portcompare_ui", forged(app), domain="127.0.0.1")
    elif kind == "wrong password":
        client.post("/login/password", base_url=base, data={"password": "wrong"})
    elif kind == "right password" or (headers and kind != "program"):
        login = client.post("/login/password", base_url=base, data={"password": PASSWORD})
        if not headers:
            sys.stderr.write(json.dumps({"cookie": login.headers.get("Set-Cookie", "")}) + "\n")
    elif kind == "another name":
        base = "http://rebound.example:8089"
    responses = {}
    for endpoint, method, path in routes_of(app):
        response = client.open(path, method=method, base_url=base, headers=headers)
        responses[f"{method} {endpoint}"] = {
            "status": response.status_code,
            "location": response.headers.get("Location", ""),
            "shared": response.headers.get("Access-Control-Allow-Origin", ""),
            "framed": "frame-ancestors 'none'" not in response.headers.get("Content-Security-Policy", ""),
        }
    return responses


def main() -> None:
    kinds = sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        with (  # what takes time
            patch.object(routes, "_make_charts_script", return_value=b"") as making_charts,
            patch.object(access, "_FAILED_LOGIN_PAUSE_S", 0.0),
        ):
            app = open_app(Path(folder), with_password=sys.argv[1] == "password")
            gevent.sleep(0)
            assert making_charts.called  # before a page requests them, and before any load
            responses = {kind: request_all(app, "http://127.0.0.1:8089", kind) for kind in kinds}
        sys.stdout.write(json.dumps(responses))


if __name__ == "__main__":
    main()
