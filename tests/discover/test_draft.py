from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.discover import draft_plan
from portcompare.discover.draft import class_name
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

if TYPE_CHECKING:
    from portcompare.discover import FoundApp


def test_few_routes_have_a_scenario_each() -> None:
    draft = draft_plan(make_found(make_app("flask", INDEX, ITEM, ITEMS)))
    assert [(each.user, [ask.path for ask in each.asks]) for each in draft.scenarios] == [
        ("Index", ["/"]),
        ("ItemsIntN", ["/items/1"]),
        ("Items", ["/items"]),
    ]
    assert [each.name for each in draft.scenarios] == ["index", "items-int-n", "items"]


def test_many_routes_share_one() -> None:
    draft = draft_plan(make_found(make_app("flask", INDEX, ITEM, ITEMS, make_route("/users"))))
    (scenario,) = draft.scenarios
    assert scenario.user == "AllRoutes"
    assert [ask.path for ask in scenario.asks] == ["/", "/items/1", "/items", "/users"]


@pytest.mark.parametrize(
    ("app", "path"),
    [(make_app("flask", HEALTH), "/healthz"), (make_app("flask", problem="no such module"), "/")],
)
def test_there_is_always_something_to_ask_for(app: FoundApp, path: str) -> None:
    (scenario,) = draft_plan(make_found(app)).scenarios
    assert [ask.path for ask in scenario.asks] == [path]


@pytest.mark.parametrize(
    ("endpoint", "taken", "name"),
    [
        ("index", set(), "Index"),
        ("api.get_item", set(), "GetItem"),
        ("api.get_item", {"getitem"}, "ApiGetItem"),
        ("index", {"index"}, "Index2"),
        ("index", {"index", "index2"}, "Index3"),
        ("2fa", set(), "Route2fa"),
        ("none", set(), "RouteNone"),
        ("lean_user", set(), "RouteLeanUser"),
        ("größe", set(), "GrE"),
        ("/", set(), "Route"),
    ],
)
def test_user_classes_are_named_by_endpoints(endpoint: str, taken: set[str], name: str) -> None:
    assert class_name(endpoint, taken) == name


def test_the_usual_servers_are_chosen_where_they_are_installed() -> None:
    draft = draft_plan(PAIR)
    assert (draft.baseline.name, draft.candidate.name) == ("flask-gunicorn", "quart-uvicorn")
    assert draft.to_install == ()


def test_other_servers_are_taken_where_the_usual_ones_are_missing() -> None:
    without_uvloop = EVERYTHING - {"gunicorn", "uvloop"}
    draft = draft_plan(make_found(PAIR.baseline, PAIR.candidate, without_uvloop))
    assert (draft.baseline.name, draft.candidate.name) == ("flask-waitress", "quart-hypercorn")


def test_without_any_server_it_is_said_how_to_install_the_usual_ones() -> None:
    draft = draft_plan(make_found(PAIR.baseline, PAIR.candidate, frozenset()))
    assert (draft.baseline.name, draft.candidate.name) == ("flask-gunicorn", "quart-uvicorn")
    assert draft.to_install == ("python -m pip install gunicorn uvicorn httptools uvloop",)


def test_without_a_port_the_same_app_is_compared_on_gevent() -> None:
    draft = draft_plan(make_found(ALONE.baseline, installed=frozenset({"gunicorn"})))
    assert (draft.candidate.name, draft.candidate.app) == ("flask-gunicorn-gevent", "flask")
    assert draft.to_install == ("python -m pip install gevent",)
    assert list(draft.apps) == ["flask"]
