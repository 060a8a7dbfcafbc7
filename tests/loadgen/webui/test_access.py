"""Who may use the web UI, for each route of its URL map, those of Locust included."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock

import gevent
import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from gevent.pool import Group
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from portcompare.http.requests import http_request
from portcompare.wire.protocol import Gather, OpenUi, Prepare, ScenarioSource, UiArm, UiPlan, UiScenario
from tests.loadgen.conftest import import_unpatched

PASSWORD = "correct horse"  # noqa: S105 - a test's
SOURCE = ScenarioSource(requests=((http_request("/"), 1.0),))
BASE = "http://127.0.0.1:8089"
OPEN = {"GET locust.login", "GET locust.send_assets", "POST login_with_password"}
"""What needs no login: the login form, and the endpoint it is sent to."""
OTHER_SITES = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://evil.example"},  # as browsers without Sec-Fetch-Site send it
)
Responses = dict[str, TestResponse]


@pytest.fixture(scope="module")
def open_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str | None], Flask]]:
    """Open UIs, with a password or without."""
    live: Any = import_unpatched("portcompare.loadgen.webui.live")
    runners: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        making_charts = Mock(return_value=b"")  # takes time
        patch.setattr(
            import_unpatched("portcompare.loadgen.webui.routes"), "_make_charts_script", making_charts
        )
        patch.setattr(import_unpatched("portcompare.loadgen.webui.access"), "_FAILED_LOGIN_PAUSE_S", 0.0)
        patch.setattr(os, "nice", lambda _: None)
        patch.setattr(sys, "argv", sys.argv)
        group = Group()
        patch.setattr(gevent, "spawn", group.spawn)
        events = import_unpatched("locust").events

        def open_one(password: str | None) -> Flask:
            folder = tmp_path_factory.mktemp("runs")
            (folder / "run").mkdir()
            (folder / "run" / "report.html").write_text("<p>a report")
            gather = Gather(workers=0, here=False, cpus=(0,), host="127.0.0.1", port=0)
            runners.append(live.DistributedRunner(gather, None, lambda _: None))
            runners[-1].prepare(Prepare(locustfile=None, scenarios={"front": SOURCE}))
            arms = tuple(UiArm(name=name, url=f"http://{name}.test") for name in ("old", "new"))
            order = OpenUi(
                host="127.0.0.1",
                port=0,
                password_hash=password and generate_password_hash(password, "pbkdf2:sha256:1"),
                plan=UiPlan(name="plan", arms=arms, scenarios={"front": UiScenario(name="front")}),
                runs=str(folder),
            )
            patch.setattr(events, "init_command_line_parser", type(events.init)())
            live.LiveUi(order, runners[-1])
            gevent.sleep(0)
            assert making_charts.called  # before a page requests them, and before any load
            app: Flask = runners[-1].master.environment.web_ui.app
            return app

        yield open_one
        for runner in runners:
            runner.master.environment.web_ui.stop()
            runner.close()
        group.kill()


@pytest.fixture(scope="module")
def closed(open_app: Callable[[str | None], Flask]) -> Flask:
    """A UI with a password."""
    return open_app(PASSWORD)


@pytest.fixture(scope="module")
def local(open_app: Callable[[str | None], Flask]) -> Flask:
    """A UI on loopback, without a password."""
    return open_app(None)


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


def request_all(client: FlaskClient, base: str = BASE, **headers: str) -> Responses:
    """The responses of all routes, none of which another site can read or frame."""
    responses = {
        f"{method} {endpoint}": client.open(
            path, method=method, base_url=base, headers=headers, buffered=True
        )
        for endpoint, method, path in routes_of(client.application)
    }
    for route, one in responses.items():
        assert "Access-Control-Allow-Origin" not in one.headers, route
        assert "frame-ancestors 'none'" in one.headers["Content-Security-Policy"], route
    return responses


def client_of(app: Flask, password: str | None = None) -> FlaskClient:
    """A client, which has sent the password if one is given."""
    client = app.test_client()
    if password is not None:
        client.post("/login/password", base_url=BASE, data={"password": password})
    return client


def forged(app: Flask) -> FlaskClient:
    """A client with a session like a real one, signed by somebody who does not know the key."""
    key, app.secret_key = app.secret_key, b"a guess"
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    app.secret_key = key
    assert signer is not None
    client = app.test_client()
    cookie = str(signer.dumps({"_user_id": "viewer", "_fresh": True}))
    client.set_cookie("portcompare_ui", cookie, domain="127.0.0.1")
    return client


@pytest.mark.parametrize(
    "client",
    [client_of, lambda app: client_of(app, "wrong"), forged],
    ids=["no cookie", "wrong password", "forged cookie"],
)
def test_without_the_password_only_the_form_is_served(
    closed: Flask, client: Callable[[Flask], FlaskClient]
) -> None:
    responses = request_all(client(closed), Accept="text/html")
    locusts = {"GET locust.index", "POST locust.swarm", "POST locust.stop", "POST locust.reset_stats"}
    ours = {"GET side_by_side.page", "GET side_by_side.as_json", "POST side_by_side.measure"}
    assert responses.keys() > locusts | ours | OPEN
    for route, response in responses.items():
        if route not in OPEN:
            is_refused = response.status_code == 401 or (response.location or "").endswith("/login")
            assert is_refused, (route, response)


def test_a_program_without_a_login_gets_401_and_no_redirect(closed: Flask) -> None:
    responses = request_all(client_of(closed), Accept="*/*")
    assert {one.status_code for route, one in responses.items() if route not in OPEN} == {401}


def test_with_the_password_no_route_is_refused(closed: Flask) -> None:
    responses = request_all(client_of(closed, PASSWORD))
    assert {route for route, one in responses.items() if one.status_code in (401, 403, 421)} == set()
    for route in ("GET locust.index", "GET side_by_side.page", "GET side_by_side.report"):
        assert responses[route].status_code == 200


def test_the_cookie_is_for_this_site_and_not_for_scripts(closed: Flask) -> None:
    login = closed.test_client().post("/login/password", base_url=BASE, data={"password": PASSWORD})
    cookie = login.headers["Set-Cookie"]
    assert cookie.startswith("portcompare_ui=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


@pytest.mark.parametrize("headers", OTHER_SITES, ids=lambda headers: next(iter(headers)))
def test_a_page_of_another_site_can_post_to_no_route(
    closed: Flask, local: Flask, headers: dict[str, str]
) -> None:
    for client in (client_of(closed, PASSWORD), client_of(closed), client_of(local)):
        posts = [one for one in request_all(client, **headers).values() if one.request.method != "GET"]
        assert len(posts) >= 5
        assert {one.status_code for one in posts} == {403}


def test_on_loopback_another_name_is_refused_everywhere_and_no_password_is_needed(local: Flask) -> None:
    responses = request_all(client_of(local), "http://rebound.example:8089")
    assert {one.status_code for one in responses.values()} == {421}
    responses = request_all(client_of(local))
    assert responses["GET locust.index"].status_code == 200
    assert responses["GET side_by_side.as_json"].status_code == 200
    assert responses["POST side_by_side.measure"].status_code == 409  # no test has been started
