from __future__ import annotations

from portcompare.discover.records import Route
from portcompare.discover.routes import sort_routes
from tests.discover.samples import HEALTH, INDEX, ITEM, ITEMS, make_app, make_route


def test_what_both_sides_have_and_changes_nothing_is_the_load() -> None:
    asks = sort_routes(make_app("flask", INDEX, ITEM, ITEMS), make_app("quart", ITEMS, ITEM, INDEX))
    assert list(map(str, asks.load)) == ["GET /", "GET /items/1", "GET /items"]
    assert list(map(str, asks.changing)) == ["PUT /items/1", "POST /items"]
    assert asks.may_change_data


def test_a_made_up_path_is_doubted() -> None:
    asks = sort_routes(make_app("flask", INDEX, ITEM), None)
    assert [ask.doubt for ask in asks.load] == ["", "made up for /items/<int:n>: is there one?"]


def test_a_parameter_may_be_called_otherwise_in_the_port() -> None:
    port = make_route("/items/<int:item_id>", "GET", "PUT", path="/items/1", parameter="item_id")
    asks = sort_routes(make_app("flask", ITEM), make_app("quart", port))
    assert list(map(str, asks.load)) == ["GET /items/1"]
    assert asks.only_flask == asks.only_quart == ()


def test_what_one_side_lacks_is_left_out_with_the_reason() -> None:
    asks = sort_routes(make_app("flask", INDEX, ITEM), make_app("quart", INDEX, ITEMS))
    assert list(map(str, asks.load)) == ["GET /"]
    assert {reason: list(map(str, left)) for reason, left in asks.left_out.items()} == {
        "The port lacks them.": ["GET /items/1", "PUT /items/1"],
        "Only the port has them.": ["GET /items", "POST /items"],
    }


def test_a_side_that_is_not_known_is_taken_to_have_what_the_other_has() -> None:
    broken = make_app("quart", problem="no such module")
    assert sort_routes(make_app("flask", INDEX, ITEM), broken).only_flask == ()
    assert list(map(str, sort_routes(make_app("flask", problem="x"), make_app("quart", INDEX)).load)) == [
        "GET /"
    ]
    assert sort_routes(make_app("flask", problem="x"), broken).load == ()


def test_where_it_is_ready_is_asked_for_and_no_load() -> None:
    asks = sort_routes(make_app("flask", HEALTH, INDEX), make_app("quart", INDEX, HEALTH))
    assert asks.ready_path == "/healthz"
    assert list(map(str, asks.load)) == ["GET /"]
    assert sort_routes(make_app("flask", HEALTH, INDEX), make_app("quart", INDEX)).ready_path is None


def test_static_files_and_documentation_are_no_load() -> None:
    static = Route(
        rule="/static/<path:filename>",
        endpoint="api.static",
        methods=("GET",),
        converters={"filename": "path"},
        path="/static/a/b",
    )
    asks = sort_routes(
        make_app("flask", static, make_route("/openapi.json"), make_route("/docs"), INDEX), None
    )
    assert list(map(str, asks.load)) == ["GET /"]
    assert asks.openapi == "/openapi.json"
    assert asks.left_out == {}


def test_a_rule_for_which_no_path_was_found_is_left_out() -> None:
    asks = sort_routes(make_app("flask", make_route("/<even:n>", path=None, parameter="n"), INDEX), None)
    assert list(map(str, asks.load)) == ["GET /"]
    assert list(map(str, asks.left_out["No path could be made up for their parameters."])) == [
        "GET /<even:n>"
    ]


def test_two_rules_for_one_path_are_asked_once() -> None:
    twice = make_route("/<name>", path="/items", parameter="name")
    assert list(map(str, sort_routes(make_app("flask", ITEMS, twice), None).load)) == ["GET /items"]
