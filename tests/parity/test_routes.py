import pytest

from portcompare.http.requests import http_request
from portcompare.parity.routes import cover_routes
from portcompare.records.parity import Coverage
from portcompare.records.requests import RequestSpec, Route


def route(rule: str, *methods: str, is_websocket: bool = False) -> Route:
    return Route(rule=rule, methods=methods or ("GET",), is_websocket=is_websocket)


NOTHING = Coverage()
OLD = (route("/"), route("/items/<int:item_id>", "GET", "DELETE"), route("/files/<path:name>"))


def test_routes_are_counted_by_method_and_those_without_a_request_are_named() -> None:
    new = (*OLD[:1], route("/items/<id>"), OLD[2], route("/live", is_websocket=True))
    requests = [http_request("/items/7?full=1"), http_request("/items/7", method="PUT")]
    assert cover_routes(NOTHING, {"old": OLD, "new": new}, requests) == Coverage(
        routes_known=5,
        routes_requested=1,
        unrequested=(
            "DELETE /items/<int:item_id> (only old has it, it writes: only the plan's own requests are sent)",
            "GET / (the plan has no request for it)",
            "GET /files/<path:name> (its path needs a value)",
            "WEBSOCKET /live (only new has it, websockets are not compared)",
        ),
    )


@pytest.mark.parametrize(
    ("rule", "path", "is_covered"),
    [
        ("/a.b", "/a.b", True),
        ("/a.b", "/axb", False),
        ("/<any(x,y):kind>/<string(length=2):code>", "/x/de", True),
        ("/<name>", "/a/b", False),
        ("/<path:name>", "/a/b", True),
        ("/items/", "/items", False),
        ("/<a>-<b>", "/1-2", True),
    ],
)
def test_a_path_leads_to_a_rule(rule: str, path: str, *, is_covered: bool) -> None:
    found = cover_routes(NOTHING, {"app": (route(rule),)}, [RequestSpec(name="", target=path)])
    assert found.routes_requested == is_covered


def test_without_a_table_of_routes_nothing_is_known() -> None:
    assert cover_routes(NOTHING, {}, [http_request("/")]) == NOTHING
