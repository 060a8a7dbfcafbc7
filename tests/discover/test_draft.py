from dataclasses import replace
from typing import Any

import pytest

from portcompare.discover.apps import FoundApp, Tried
from portcompare.discover.draft import (
    CHANGES,
    CHANGES_BY_GET,
    FAILS,
    NO_PATH,
    ONE_SIDED,
    WANTS_LOGIN,
    SortedRequests,
    class_name,
    draft_plan,
    sort_requests,
)
from tests.discover.samples import (
    ALONE,
    EVERYTHING,
    HEALTH,
    INDEX,
    ITEM,
    ITEMS,
    PAIR,
    make_app,
    make_found,
    make_route,
)


def test_few_routes_have_a_scenario_each_and_many_share_one() -> None:
    few = draft_plan(make_found(make_app("flask", INDEX, ITEM, ITEMS))).scenarios
    assert [(one.name, one.user, [each.path for each in one.requests]) for one in few] == [
        ("index", "Index", ["/"]),
        ("items-int-n", "ItemsIntN", ["/items/1"]),
        ("items", "Items", ["/items"]),
    ]
    (shared,) = draft_plan(make_found(make_app("flask", INDEX, ITEM, ITEMS, make_route("/users")))).scenarios
    assert shared.user == "AllRoutes"
    assert [each.path for each in shared.requests] == ["/", "/items/1", "/items", "/users"]


def test_there_is_always_a_request() -> None:
    for app, path in ((make_app("flask", HEALTH), "/healthz"), (make_app("flask", problem="not there"), "/")):
        (scenario,) = draft_plan(make_found(app)).scenarios
        assert [each.path for each in scenario.requests] == [path]


def test_user_classes_are_named_by_endpoints() -> None:
    names = {"index": "Index", "api.get_item": "GetItem", "2fa": "Route2fa", "none": "RouteNone"}
    names |= {"lean_user": "RouteLeanUser", "größe": "GrE", "/": "Route"}
    assert {endpoint: class_name(endpoint, set()) for endpoint in names} == names
    assert class_name("api.get_item", {"getitem"}) == "ApiGetItem"
    assert class_name("index", {"index"}) == "Index2"
    assert class_name("index", {"index", "index2"}) == "Index3"


def test_the_usual_servers_are_chosen_unless_only_others_are_installed() -> None:
    usual = ("flask-gunicorn", "quart-uvicorn")
    install = ("python -m pip install gunicorn uvicorn httptools uvloop",)
    for installed, expected, to_install in (
        (EVERYTHING, usual, ()),
        (EVERYTHING - {"gunicorn", "uvloop"}, ("flask-waitress", "quart-hypercorn"), ()),
        (frozenset[str](), usual, install),
    ):
        draft = draft_plan(make_found(PAIR.baseline, PAIR.candidate, installed))
        assert (draft.baseline.name, draft.candidate.name) == expected
        assert draft.to_install == to_install


def test_without_a_port_the_same_app_is_compared_on_gevent() -> None:
    draft = draft_plan(make_found(ALONE.baseline, installed=frozenset({"gunicorn"})))
    assert (draft.candidate.name, draft.candidate.app) == ("flask-gunicorn-gevent", "flask")
    assert draft.to_install == ("python -m pip install gevent",)
    assert list(draft.apps) == ["flask"]


def sort(
    baseline: FoundApp, candidate: FoundApp | None = None, tried: dict[str, Tried] | None = None
) -> SortedRequests:
    found = replace(
        make_found(baseline, candidate), tried={("", path): t for path, t in (tried or {}).items()}
    )
    return sort_requests(found)


def load_of(baseline: FoundApp, candidate: FoundApp | None = None) -> list[str]:
    return list(map(str, sort(baseline, candidate).load))


def left_out_of(
    baseline: FoundApp, candidate: FoundApp | None = None, tried: dict[str, Tried] | None = None
) -> dict[str, list[str]]:
    left_out = sort(baseline, candidate, tried).left_out
    return {reason: list(map(str, requests)) for reason, requests in left_out.items()}


def test_requests_of_both_sides_that_change_no_data_are_the_load() -> None:
    flask, quart = make_app("flask", INDEX, ITEM, ITEMS), make_app("quart", ITEMS, ITEM, INDEX)
    assert load_of(flask, quart) == ["GET /", "GET /items/1", "GET /items"]
    assert left_out_of(flask, quart) == {CHANGES: ["PUT /items/1", "POST /items"]}
    assert sort(flask, quart).may_change_data
    notes = [each.note for each in sort(flask, quart).load]
    assert notes == ["", "invented for /items/<int:n>: does it exist?", ""]
    port = make_route("/items/<int:item_id>", path="/items/1", parameter="item_id")  # named otherwise
    flask, quart = make_app("flask", replace(ITEM, methods=("GET",))), make_app("quart", port)
    assert (load_of(flask, quart), left_out_of(flask, quart)) == (["GET /items/1"], {})


def test_requests_that_one_side_lacks_are_compared_unless_they_may_change_data() -> None:
    done = make_route("/todo/<int:n>/done", path="/todo/1/done", parameter="n")
    flask, quart = make_app("flask", INDEX, ITEM), make_app("quart", INDEX, ITEMS, done)
    assert load_of(flask, quart) == ["GET /"]
    assert [(each.toml, each.note) for each in sort(flask, quart).compared] == [
        ('{ path = "/items/1" }', "only the Flask app has it"),
        ('{ path = "/items", expect = { status = 404 } }', "only the port has it"),
    ]
    assert left_out_of(flask, quart) == {
        ONE_SIDED: ["PUT /items/1", "POST /items"],
        CHANGES_BY_GET: ["GET /todo/1/done"],
    }
    only_posts = make_app("quart", INDEX, make_route("/items", "POST"))
    posting = make_app("flask", INDEX, make_route("/items", "POST"))
    (request,) = sort(posting, make_app("quart", INDEX, ITEMS)).compared
    assert request.expected_status == 405  # the Flask app has the path for another method
    assert left_out_of(make_app("flask", INDEX, ITEMS), only_posts) == {CHANGES: ["POST /items"]}


def test_what_only_one_side_accepts_is_the_first_thing_to_compare() -> None:
    old = make_route("/items/<int:n>", "GET", "PATCH", path="/items/1", parameter="n", values={"n": "1"})
    text: dict[str, Any] = {
        "path": "/items/example",
        "parameter": "key",
        "kind": "string",
        "values": {"key": "example"},
    }
    flask = make_app("flask", old)
    quart = make_app("quart", make_route("/items/<key>", "GET", "PATCH", **text))
    found = sort(flask, quart)
    assert [each.toml for each in found.compared] == ['{ path = "/items/abc", expect = { status = 404 } }']
    assert found.compared[0].note == (
        "the Flask app (/items/<int:n>) has no route for it, the port (/items/<key>) serves it"
    )
    assert list(map(str, found.load)) == ["GET /items/1"]
    assert not any("<" in each.path for group in found.left_out.values() for each in group)
    (request,) = sort(quart, flask, {"/items/abc": Tried(status=500)}).compared
    assert request.expected_status == 500  # the view was given no number


@pytest.mark.parametrize(
    ("tried", "reason", "note"),
    [
        (Tried(status=401), WANTS_LOGIN, "status 401"),
        (Tried(status=302, location="/auth/login?next=/"), WANTS_LOGIN, "status 302"),
        (Tried(status=303, location="http://127.0.0.1/sign-in"), WANTS_LOGIN, "status 303"),
        (Tried(status=302, location="/blog/authors"), None, "invented for /items/<int:n>"),
        (Tried(status=404), FAILS, "status 404, invented for /items/<int:n>"),
        (Tried(status=400), FAILS, "status 400, invented for /items/<int:n>"),
        (Tried(status=200), None, "invented for /items/<int:n>"),
        (Tried(status=None), None, "invented for /items/<int:n>"),
        (Tried(status=500, error="E: no table"), None, "status 500 when `init` tried it: E: no table"),
    ],
)
def test_a_request_that_does_not_work_is_left_out_unless_the_app_itself_fails(
    tried: Tried, reason: str | None, note: str
) -> None:
    found = sort(make_app("flask", replace(ITEM, methods=("GET",))), None, {"/items/1": tried})
    (request,) = found.left_out[reason] if reason else found.load
    assert (str(request), request.note) == ("GET /items/1", note)


def test_a_side_whose_routes_are_unknown_counts_as_equal() -> None:
    broken_flask, broken = make_app("flask", problem="x"), make_app("quart", problem="no such module")
    assert left_out_of(make_app("flask", INDEX), broken) == {}
    assert load_of(broken_flask, make_app("quart", INDEX)) == ["GET /"]
    assert load_of(broken_flask, broken) == []


def test_the_path_for_readiness_is_not_part_of_the_load() -> None:
    flask, quart = make_app("flask", HEALTH, INDEX), make_app("quart", INDEX, HEALTH)
    assert sort(flask, quart).ready_path == "/healthz"
    assert load_of(flask, quart) == ["GET /"]
    assert sort(flask, make_app("quart", INDEX)).ready_path == ""


PAGES = (
    "/docs",
    "/docs/",
    "/api/docs",
    "/redoc",
    "/apidocs/",
    "/swagger-ui/index.html",
    "/ui/",
    "/openapi/swagger",
)


@pytest.mark.parametrize("path", PAGES)
def test_static_files_documentation_and_websockets_are_not_part_of_the_load(path: str) -> None:
    static = replace(make_route("/static/<path:filename>", path="/static/a/b"), endpoint="api.static")
    websocket = make_route("/ws/<room>", path=None, is_websocket=True)
    app = make_app("flask", static, make_route("/openapi.json"), make_route(path), INDEX, websocket)
    assert load_of(app) == ["GET /"]
    found = sort(replace(app, has_socketio=True))
    assert (found.openapi, list(found.documentation)) == ("/openapi.json", [path])
    assert list(found.websockets) == ["/ws/<room>", "/socket.io"]
    assert left_out_of(app) == {}


@pytest.mark.parametrize("path", ["/swagger.json", "/api/v1/openapi.yaml", "/apispec_1.json"])
def test_a_document_is_used_if_it_is_one_of_openapi_3(path: str) -> None:
    app = make_app("flask", make_route(path), INDEX)
    assert sort(app).openapi == path  # not tried
    assert sort(app, None, {path: Tried(status=200, is_openapi=True)}).openapi == path
    old = sort(app, None, {path: Tried(status=200)})  # of version 2
    assert (old.openapi, list(old.documentation)) == ("", [path])


def test_a_route_of_another_host_is_compared_with_that_host() -> None:
    bound = make_route("/", host="api.example.org")
    found = sort(make_app("flask", INDEX, bound), make_app("quart", INDEX, bound))
    assert list(map(str, found.load)) == ["GET /"]
    assert [each.toml for each in found.compared] == [
        '{ path = "/", headers = { Host = "api.example.org" } }'
    ]
    one_sided = sort(make_app("flask", INDEX), make_app("quart", INDEX, bound)).compared
    assert [each.note for each in one_sided] == ["only the port has it"]


def test_a_rule_without_a_path_is_left_out_and_two_rules_of_one_path_make_one_request() -> None:
    app = make_app("flask", make_route("/<even:n>", "GET", "PUT", path=None, parameter="n"), INDEX)
    assert load_of(app) == ["GET /"]
    assert left_out_of(app) == {NO_PATH: ["GET /example", "PUT /example"]}
    twice = make_route("/<name>", path="/items", parameter="name")
    assert load_of(make_app("flask", ITEMS, twice)) == ["GET /items"]
