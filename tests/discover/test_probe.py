from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask
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
    assert route["path"] is None  # what an even number is like is the app's business


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


def test_a_quart_app_without_its_websockets() -> None:
    app = Quart("port", static_folder=None)
    app.add_url_rule("/items/<int:n>", "items", answer)
    app.add_websocket("/ws", "ws", answer)
    assert [(route["rule"], route["path"]) for route in probe.routes(app)] == [("/items/<int:n>", "/items/1")]


def test_it_is_python_3_8() -> None:
    ast.parse(Path(probe.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))
