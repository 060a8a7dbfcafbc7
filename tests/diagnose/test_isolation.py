import asyncio
import secrets
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from quart import Quart, request

from portcompare.diagnose.isolation import find_leaks
from portcompare.http.placeholders import fill_in
from portcompare.http.requests import http_request
from portcompare.plan import load_plan
from portcompare.records.diagnosis import Leak
from portcompare.records.requests import RequestSpec
from portcompare.serve.servers import vocabulary
from tests.diagnose.support import load_app, serving

PITFALLS = Path(__file__).parents[2] / "benchmarks" / "pitfalls"
LEAKS = {
    "cache_key": "GET /dashboard",
    "class_attribute": "GET /orders",
    "client_cookies": "GET /balance",
    "context_variable": "GET /profile",
    "global_variable": "GET /me",
    "thread_local": "GET /account",
}
CLEAN = ("server_sessions", "sessions", "tokens", "upstream")
LOAD_S = 0.3


def find_in(folder: Path) -> tuple[list[Leak], tuple[str, ...]]:
    plan = load_plan(folder / "plan.toml", vocabulary())
    scenario = plan.scenarios["account"]
    requests = [each for each, _ in scenario.weighted_specs(folder)]
    login = [variants[:3] for variants in scenario.login_steps(folder)]
    return find_leaks("account", requests, login, serving(lambda: load_app(folder / "app.py")), load_s=LOAD_S)


@pytest.mark.parametrize("name", LEAKS)
def test_each_planted_leak_is_found_with_its_users_and_an_example(name: str) -> None:
    (leak,), _ = find_in(PITFALLS / "leaks" / name)
    assert (leak.request, leak.scenario) == (LEAKS[name], "account")
    assert leak.user != leak.other
    assert 0 < leak.count <= leak.requests
    names = {"user 1": "ann", "user 2": "bob", "user 3": "carol"}
    assert names[leak.other] in leak.example
    assert names[leak.user] not in leak.example


@pytest.mark.parametrize("name", CLEAN)
def test_nothing_is_reported_of_clean_apps_with_logins(name: str) -> None:
    assert find_in(PITFALLS / "logins" / name) == ([], ())


def make_greeter(mixed_up: str) -> Quart:
    """Greets the user that a header or the query names; what is mixed up belongs to the latest."""
    app = Quart("greeter")
    shared = {"user": ""}

    @app.get("/greet")
    async def greet() -> dict[str, Any]:
        user = request.headers.get("X-User", "") or request.args.get("user", "")
        user = user or request.headers.get("Authorization", "")
        shared["user"] = user
        await asyncio.sleep(0.002)
        latest = shared["user"]
        balance = sum(map(ord, latest if mixed_up == "number" else user))
        hello = latest if mixed_up == "name" else user
        return {"hello": hello, "balance": balance, "nonce": secrets.token_hex(8)}

    return app


ROW = http_request("/greet", headers={"Authorization": "Bearer {token}"})
TOKENS = [fill_in(ROW, {"token": f"token-of-{name}"}) for name in ("ann", "bob")]
REQUESTS = {
    "a header": [http_request("/greet", headers={"X-User": "ann"})],
    "the query": [http_request("/greet", query={"user": "ann"})],
    "rows of tokens": TOKENS,
}


@pytest.mark.parametrize("by", REQUESTS)
@pytest.mark.parametrize("mixed_up", ["name", "number", ""])
def test_without_a_login_users_are_distinguished_by_rows_or_markers(by: str, mixed_up: str) -> None:
    requests: list[RequestSpec] = REQUESTS[by]
    found, notes = find_leaks(
        "greeting", requests, (), serving(lambda: make_greeter(mixed_up)), load_s=LOAD_S
    )
    assert [leak.request for leak in found] == [requests[0].name] * bool(mixed_up)
    assert ("by markers" in " ".join(notes)) is (len(requests) == 1)
    assert "token-of" not in str(found)


def test_a_cache_of_a_server_that_runs_already_is_tried_with_queries_that_it_does_not_know() -> None:
    app, cache = Quart("cached"), dict[str, str]()

    @app.get("/greet")
    async def greet() -> str:
        return cache.setdefault(request.full_path, request.headers["Authorization"])

    with serving(lambda: app)() as server:
        running = replace(server, process=None)
        found, notes = find_leaks("greeting", TOKENS, (), lambda: nullcontext(running), load_s=0.1)
    assert [(leak.user, leak.other, leak.count) for leak in found] == [("row 2", "row 1", 3)]
    assert notes == ("what a cache held before was not compared: the server runs already",)


def test_what_cannot_be_compared_is_said() -> None:
    serve = serving(lambda: Quart("empty"))
    post = http_request("/", method="POST", json={})
    assert find_leaks("writing", [post], (), serve)[1] == (
        "isolation was not compared: the scenario has no GET or HEAD request",
    )
    found, notes = find_leaks("empty", [http_request("/")], (), serve, load_s=0.1)
    assert found == []
    assert "nothing in the responses to GET / distinguishes the users" in notes
