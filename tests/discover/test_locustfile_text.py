from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from portcompare.discover import Found, draft_plan, locustfile_text
from portcompare.http.requests import http_request
from tests.discover.samples import ALONE, FULL, INDEX, ITEM, ITEMS, make_app, make_found, make_route

if TYPE_CHECKING:
    import pytest


def text_of(found: Found) -> str:
    return locustfile_text(draft_plan(found), "mine.py")


def load(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a locustfile defines; without Locust, which would monkey-patch this process."""
    loadgen = ModuleType("portcompare.loadgen")
    vars(loadgen).update(LeanUser=object, http_request=http_request, declare_targets=lambda *names: names)
    monkeypatch.setitem(sys.modules, "portcompare.loadgen", loadgen)
    defined: dict[str, Any] = {}
    exec(compile(text, "mine.py", "exec"), defined)  # noqa: S102 - it is what is tested
    return defined


def test_each_scenario_has_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    defined = load(text_of(ALONE), monkeypatch)
    assert defined["Index"].request == http_request("/")
    names = [scenario.user for scenario in draft_plan(FULL).scenarios]
    assert set(names) <= set(load(text_of(FULL), monkeypatch))


def test_many_routes_are_a_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    mix = make_found(make_app("flask", INDEX, ITEM, ITEMS, make_route("/users")))
    text = text_of(mix)
    paths = ["/", "/items/1", "/items", "/users"]
    assert load(text, monkeypatch)["AllRoutes"].requests == {http_request(path): 1 for path in paths}
    above, _, _ = text.partition('        http_request("/items/1")')
    assert above.endswith("        # made up for /items/<int:n>: is there one?\n")


def test_what_is_left_out_can_be_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    text = text_of(FULL)
    assert "LeftOut" not in load(text, monkeypatch)
    before, _, block = text.partition("# What is left out, and why:\n#\n")
    defined = load(before + re.sub("^# ?", "", block, flags=re.MULTILINE), monkeypatch)
    asked = {(request.method, request.target) for request in defined["LeftOut"].requests}
    assert {("PUT", "/items/1"), ("POST", "/items"), ("GET", "/new")} <= asked


def test_plain_locust_is_told_of_both_sides() -> None:
    text = text_of(FULL)
    assert 'declare_targets("flask", "quart")' in text
    assert (
        "locust -f loadtests/mine.py --flask-url http://127.0.0.1:8001 --quart-url http://127.0.0.1:8002"
        in text
    )
    assert 'declare_targets("flask")' in text_of(ALONE)
