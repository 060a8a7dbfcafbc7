from __future__ import annotations

import ast
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, redirect
from quart import Quart
from werkzeug.routing import BaseConverter

from portcompare.discover import probe


def answer(**_: object) -> str:
    return "hello"


def route_of(rule: str, app: Flask | None = None, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - Flask's
    app = app or Flask("service", static_folder=None)
    app.add_url_rule(rule, "asked", answer, **options)
    return next(route for route in probe.routes(app) if route["rule"] == rule)


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("/", "/"),
        ("/items/<int:n>", "/items/1"),
        ("/items/<int(min=10):n>", "/items/11"),
        ("/items/<int(fixed_digits=3):n>", "/items/001"),
        ("/items/<int(max=0):n>", "/items/0"),
        ("/prices/<float:price>", "/prices/1.5"),
        ("/users/<uuid:key>", "/users/00000000-0000-4000-8000-000000000001"),
        ("/users/<name>", "/users/example"),
        ("/countries/<string(length=2):code>", "/countries/ex"),
        ("/files/<path:name>", "/files/a/b"),
        ("/<any(red, blue):colour>", "/blue"),
        ("/<name>/<int:n>/", "/example/1/"),
    ],
)
def test_a_path_is_made_up_that_leads_to_the_route(rule: str, path: str) -> None:
    app = Flask("service", static_folder=None)
    assert route_of(rule, app)["path"] == path
    assert app.test_client().get(path).text == "hello"


def test_converters_are_told_by_the_names_that_the_app_knows_them_by() -> None:
    app = Flask("service", static_folder=None)
    app.url_map.converters["even"] = type("EvenConverter", (BaseConverter,), {"regex": "[02468]+"})
    route = route_of("/<even:n>/<name>/<int:place>", app)
    assert route["converters"] == {"n": "even", "name": "string", "place": "int"}
    assert route["path"] == "/2/example/1"
    assert route["values"] == {"n": "2", "name": "example", "place": "1"}


class WeekConverter(BaseConverter):
    regex = r"\d{4}-W\d\d"


class DateConverter(BaseConverter):
    regex = "[^/]+"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)  # raises ValueError, as werkzeug's ValidationError is

    def to_url(self, value: date) -> str:
        return value.isoformat()


@pytest.mark.parametrize(
    ("converter", "path", "value"),
    [(DateConverter, "/days/2024-01-31", "2024-01-31"), (WeekConverter, None, "example")],
)
def test_a_parameter_of_the_apps_own_kind_gets_a_value_that_its_converter_accepts(
    converter: type[BaseConverter], path: str | None, value: str
) -> None:
    app = Flask("service", static_folder=None)
    app.url_map.converters["own"] = converter
    route = route_of("/days/<own:day>", app)
    assert (route["path"], route["values"]) == (path, {"day": value})


def test_a_rule_for_changing_has_a_path_beside_one_for_reading() -> None:
    app = Flask("service", static_folder=None)
    app.add_url_rule("/items/<int:n>", "read", answer)
    assert route_of("/items/<int:n>", app, methods=["PATCH"])["path"] == "/items/1"
    changing = next(each for each in probe.routes(app) if "PATCH" in each["methods"])
    assert changing["path"] == "/items/1"


def test_the_host_that_a_rule_is_bound_to() -> None:
    app = Flask("service", static_folder=None, host_matching=True)
    bound = route_of("/", app, host="api.example.org")
    assert (bound["host"], bound["path"]) == ("api.example.org", "/")
    app = Flask("service", static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.org"
    bound = route_of("/", app, subdomain="api")
    assert (bound["host"], bound["path"]) == ("api.example.org", "/")


def test_a_default_is_not_requested_and_a_rule_of_another_host_has_no_path() -> None:
    app = Flask("service", static_folder=None)
    app.add_url_rule("/pages/", "asked", answer, defaults={"page": 1})  # redirected from /pages/1
    assert route_of("/pages/<int:page>", app)["path"] == "/pages/2"
    app = Flask("service", static_folder=None, subdomain_matching=True)
    assert route_of("/", app, subdomain="api")["path"] is None


def test_methods_and_endpoints_of_blueprints() -> None:
    api = Blueprint("api", __name__, url_prefix="/api", static_folder="static")
    api.add_url_rule("/items", "items", answer, methods=["GET", "POST"])
    app = Flask("service", static_folder=None)
    app.register_blueprint(api)
    assert [(route["endpoint"], route["rule"], route["methods"]) for route in probe.routes(app)] == [
        ("api.static", "/api/static/<path:filename>", ["GET", "HEAD", "OPTIONS"]),
        ("api.items", "/api/items", ["GET", "HEAD", "OPTIONS", "POST"]),
    ]


def test_websockets_of_a_quart_app_are_marked() -> None:
    app = Quart("port", static_folder=None)
    app.add_url_rule("/items/<int:n>", "items", answer)
    app.add_websocket("/ws", "ws", answer)
    found = [(route["rule"], route["path"], route["is_websocket"]) for route in probe.routes(app)]
    assert found == [("/items/<int:n>", "/items/1", False), ("/ws", None, True)]


def test_the_files_that_an_apps_configuration_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(probe, "databases", {})
    monkeypatch.chdir(tmp_path)
    app = Flask("service", instance_path=str(tmp_path / "instance"))
    app.config |= {
        "SQLALCHEMY_DATABASE_URI": "sqlite:///shop.db",
        "SQLALCHEMY_BINDS": {"users": "sqlite+pysqlite:////srv/users.db"},
        "DATABASE": "data.sqlite3",
        "DB_PATH": "/srv/a.db",
        "MEMORY": "sqlite:///:memory:",
        "LOGO": "logo.db",
    }
    probe.find_configured_databases(app)
    probe.add_database("file:uri.db?mode=ro")
    assert list(probe.databases) == [
        str(tmp_path / "instance" / "shop.db"),
        "/srv/users.db",
        str(tmp_path / "data.sqlite3"),
        "/srv/a.db",
        str(tmp_path / "uri.db"),
    ]


def test_the_responses_of_an_app_to_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "RESPONSE_LIMIT_S", 0.5)
    app = Flask("service", static_folder=None)
    waiting = threading.Event()

    def fail() -> str:
        raise LookupError("no such table: posts\nfurther lines")

    app.add_url_rule("/", "index", answer)
    app.add_url_rule("/fails", "fails", fail)
    app.add_url_rule("/hangs", "hangs", lambda: str(waiting.wait()))
    app.add_url_rule("/private", "private", lambda: redirect("/login?next=/private"))
    app.add_url_rule("/openapi.json", "openapi", lambda: {"openapi": "3.0.3"})
    app.add_url_rule("/events", "events", lambda: iter(lambda: "data: 1\n\n", ""))  # which never ends
    paths = ["/", "/fails", "/hangs", "/private", "/openapi.json", "/events"]
    responses = probe.send(app, [{"host": "", "path": path} for path in paths])
    waiting.set()
    assert [each["status"] for each in responses] == [200, 500, None, 302, 200, 200]
    assert responses[1]["error"] == "LookupError: no such table: posts"
    assert responses[3]["location"] == "/login?next=/private"
    assert [each["is_openapi"] for each in responses] == [False] * 4 + [True, False]
    app.debug = True  # which has the app raise what it would respond with
    (response,) = probe.send(app, [{"host": "", "path": "/fails"}])
    assert (response["status"], response["error"]) == (500, "LookupError: no such table: posts")


def test_it_is_python_3_8() -> None:
    ast.parse(Path(probe.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))
