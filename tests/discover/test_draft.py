from dataclasses import replace

from portcompare.discover.apps import FoundApp
from portcompare.discover.draft import class_name, draft_plan, sort_requests
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


def load_of(baseline: FoundApp, candidate: FoundApp | None = None) -> list[str]:
    return list(map(str, sort_requests(baseline, candidate).load))


def left_out_of(baseline: FoundApp, candidate: FoundApp | None = None) -> dict[str, list[str]]:
    left_out = sort_requests(baseline, candidate).left_out
    return {reason.split(":")[0]: list(map(str, requests)) for reason, requests in left_out.items()}


def test_requests_of_both_sides_that_change_no_data_are_the_load() -> None:
    flask, quart = make_app("flask", INDEX, ITEM, ITEMS), make_app("quart", ITEMS, ITEM, INDEX)
    assert load_of(flask, quart) == ["GET /", "GET /items/1", "GET /items"]
    assert left_out_of(flask, quart) == {"They change data": ["PUT /items/1", "POST /items"]}
    assert sort_requests(flask, quart).may_change_data
    doubts = [each.doubt for each in sort_requests(flask, quart).load]
    assert doubts == ["", "invented for /items/<int:n>: does it exist?", ""]
    port = make_route("/items/<int:item_id>", path="/items/1", parameter="item_id")  # named otherwise
    flask, quart = make_app("flask", replace(ITEM, methods=("GET",))), make_app("quart", port)
    assert (load_of(flask, quart), left_out_of(flask, quart)) == (["GET /items/1"], {})


def test_requests_that_one_side_lacks_are_left_out_with_the_reason() -> None:
    flask, quart = make_app("flask", INDEX, ITEM), make_app("quart", INDEX, ITEMS)
    assert load_of(flask, quart) == ["GET /"]
    assert left_out_of(flask, quart) == {
        "The port lacks them.": ["GET /items/1", "PUT /items/1"],
        "Only the port has them.": ["GET /items", "POST /items"],
    }


def test_a_side_whose_routes_are_unknown_counts_as_equal() -> None:
    broken_flask, broken = make_app("flask", problem="x"), make_app("quart", problem="no such module")
    assert left_out_of(make_app("flask", INDEX), broken) == {}
    assert load_of(broken_flask, make_app("quart", INDEX)) == ["GET /"]
    assert load_of(broken_flask, broken) == []


def test_the_path_for_readiness_is_not_part_of_the_load() -> None:
    flask, quart = make_app("flask", HEALTH, INDEX), make_app("quart", INDEX, HEALTH)
    assert sort_requests(flask, quart).ready_path == "/healthz"
    assert load_of(flask, quart) == ["GET /"]
    assert sort_requests(flask, make_app("quart", INDEX)).ready_path is None


def test_static_files_and_documentation_are_not_part_of_the_load() -> None:
    static = replace(make_route("/static/<path:filename>", path="/static/a/b"), endpoint="api.static")
    app = make_app("flask", static, make_route("/openapi.json"), make_route("/docs"), INDEX)
    assert load_of(app) == ["GET /"]
    assert sort_requests(app, None).openapi == "/openapi.json"
    assert left_out_of(app) == {}


def test_a_rule_without_a_path_is_left_out_and_two_rules_of_one_path_make_one_request() -> None:
    app = make_app("flask", make_route("/<even:n>", path=None, parameter="n"), INDEX)
    assert load_of(app) == ["GET /"]
    assert left_out_of(app) == {"No path could be invented for their parameters.": ["GET /<even:n>"]}
    twice = make_route("/<name>", path="/items", parameter="name")
    assert load_of(make_app("flask", ITEMS, twice)) == ["GET /items"]
