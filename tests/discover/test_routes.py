"""What only one of two apps accepts, by their routes; those of real apps, as the probe reports them."""

from typing import Any

import pytest
from flask import Flask
from quart import Quart
from werkzeug.routing import BaseConverter

from portcompare.discover import probe
from portcompare.discover.routes import OneSided, Route, RouteTable, find_one_sided


def routes_of(app: Flask | Quart) -> list[Route]:
    return [Route(**each | {"methods": tuple(each["methods"])}) for each in probe.routes(app)]


def route(kind: type[Flask] | type[Quart], rule: str, **options: Any) -> list[Route]:  # noqa: ANN401 - the app's
    app = kind("service", static_folder=None)
    app.url_map.converters["even"] = type("EvenConverter", (BaseConverter,), {"regex": "[02468]+"})
    app.url_map.converters["regex"] = type("RegexConverter", (BaseConverter,), {"__init__": set_regex})
    app.add_url_rule(rule, "view", lambda **_: "", **options)
    return routes_of(app)


def set_regex(converter: BaseConverter, url_map: Any, regex: str) -> None:  # noqa: ANN401 - werkzeug's
    BaseConverter.__init__(converter, url_map)
    converter.regex = regex


def outcome_of(found: OneSided) -> str:
    """What the Flask app does."""
    return found.why.partition(") ")[2].partition(", the port")[0]


UUID = "00000000-0000-4000-8000-000000000001"  # which has more than 30 characters
SERVES, REDIRECTS, NOTHING = "serves it", "redirects it", "has no route for it"


@pytest.mark.parametrize(
    ("ours", "theirs", "path", "outcome"),
    [
        ("/items/<int:n>", "/items/<key>", "/items/abc", NOTHING),
        ("/items/<key>", "/items/<int:key>", "/items/abc", SERVES),
        ("/items/<int:n>", "/items/<float:n>", "/items/1", SERVES),
        ("/items/<int:n>", "/items/<int(signed=True):n>", "/items/-1", NOTHING),
        ("/items/<int(min=5):n>", "/items/<int:n>", "/items/1", NOTHING),
        ("/items/<int(max=9):n>", "/items/<int(max=20):n>", "/items/10", NOTHING),
        ("/items/<int(fixed_digits=4):n>", "/items/<int:n>", "/items/1", NOTHING),
        ("/users/<uuid:key>", "/users/<key>", "/users/abc", NOTHING),
        ("/users/<string(length=2):code>", "/users/<string(length=3):code>", "/users/abc", NOTHING),
        ("/users/<string(maxlength=30):code>", "/users/<code>", f"/users/{UUID}", NOTHING),
        ("/files/<path:name>/raw", "/files/<name>/raw", "/files/a/b/raw", SERVES),
        ("/<any(red, blue):colour>", "/<any(red, green):colour>", "/blue", SERVES),
        ("/<any(red, blue):colour>", "/<colour>", "/abc", NOTHING),
        ("/items/<even:n>", "/items/<int:n>", "/items/1", NOTHING),
        (r"/items/<regex('[a-c]+'):n>", "/items/<n>", "/items/1", NOTHING),
        ("/items/", "/items", "/items/", SERVES),
        ("/items", "/items/", "/items/", NOTHING),
        ("/<a>/items/<int:n>", "/<b>/items/<n>", "/example/items/abc", NOTHING),
        ("/<int:a>/<n>/", "/<int:b>/<int:n>/", "/1/abc/", SERVES),
    ],
)
def test_a_path_is_found_that_only_one_of_two_rules_accepts(
    ours: str, theirs: str, path: str, outcome: str
) -> None:
    found = list(find_one_sided(route(Flask, ours), route(Quart, theirs)))
    assert [(each.path, outcome_of(each)) for each in found] == [(path, outcome)]


@pytest.mark.parametrize(
    ("rule", "options", "path", "outcome"),
    [
        ("/items/", {"strict_slashes": False}, "/items", REDIRECTS),
        ("/items", {"strict_slashes": False}, "/items/", NOTHING),
        ("/items", {"subdomain": "api"}, None, None),
    ],
)
def test_a_rule_that_is_strict_on_one_side_only(
    rule: str, options: dict[str, Any], path: str | None, outcome: str | None
) -> None:
    found = list(find_one_sided(route(Flask, rule), route(Quart, rule, **options)))
    assert [(each.path, outcome_of(each)) for each in found] == ([(path, outcome)] if path else [])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("/items/<int:n>", "/items/<int:item_id>"),
        ("/items/<key>", "/items/<string:key>"),
        ("/items/<even:n>", "/items/<even:m>"),
        ("/<any(red, blue):a>", "/<any(blue, red):b>"),
        ("/items/<a>", "/users/<a>"),
    ],
)
def test_rules_that_accept_the_same_or_are_not_the_same_route_show_nothing(ours: str, theirs: str) -> None:
    assert list(find_one_sided(route(Flask, ours), route(Quart, theirs))) == []


def test_a_default_that_only_one_side_redirects_to() -> None:
    app = Flask("service", static_folder=None)
    app.add_url_rule("/pages/", "view", str, defaults={"page": 1})
    app.add_url_rule("/pages/<int:page>", "view", str)
    (found,) = find_one_sided(routes_of(app), route(Quart, "/pages/<int:page>"))
    assert (found.path, outcome_of(found)) == ("/pages/1", REDIRECTS)


def test_methods_are_compared_by_path_and_example_paths_have_no_placeholders() -> None:
    (put,) = route(Flask, "/items/<even:n>/<other>", methods=["PUT"])
    table = RouteTable([put])
    assert (put.example, put.fill(["4", "x"])) == ("/items/2/example", "/items/4/x")
    outcomes = [table.outcome(method, "/items/2/x") for method in ("PUT", "PATCH")]
    assert outcomes == [SERVES, "refuses the method"]
    assert [table.has(put, method) for method in ("PUT", "PATCH")] == [True, False]
    assert table.outcome("PUT", "/items/3/x") == NOTHING


@pytest.mark.parametrize(
    ("rule", "methods", "endpoint", "may_change"),
    [
        ("/todo/<int:n>/delete", ("GET",), "todo", "yes"),
        ("/todo/<int:n>", ("GET",), "complete_todo", "yes"),
        ("/logout", ("GET",), "leave", "yes"),
        ("/update", ("GET", "POST"), "update", ""),  # the form, which is sent by POST
        ("/updates", ("GET",), "updates", ""),
    ],
)
def test_a_route_that_may_change_data_by_get_is_known_by_its_name(
    rule: str, methods: tuple[str, ...], endpoint: str, may_change: str
) -> None:
    found = Route(rule=rule, endpoint=endpoint, methods=methods, converters={}, path=rule)
    assert found.may_change_data == bool(may_change)


def test_a_converter_that_this_werkzeug_has_not_is_known_by_what_it_matches() -> None:
    newer = Route(
        rule="/items/<int(step=2):n>",
        endpoint="items",
        methods=("GET",),
        converters={"n": "int"},
        path="/items/2",
        regexes={"n": r"\d+"},
        values={"n": "2"},
    )
    table = RouteTable([newer])
    assert [table.outcome("GET", path) for path in ("/items/2", "/items/x")] == [SERVES, NOTHING]
