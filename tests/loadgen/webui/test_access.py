"""Who may use the web UI, for each route of its URL map, those of Locust included."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("every_route.py")
Responses = dict[str, dict[str, dict[str, Any]]]

OPEN = {"GET locust.login", "GET locust.send_assets", "POST login_with_password"}
"""What needs no login: the login form, and the endpoint it is sent to."""
OTHER_SITES = ("cross-site request", "foreign origin")


def request_every_route(*arguments: str) -> tuple[Responses, str]:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=root,
        env={"PYTHONPATH": str(root), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def closed() -> tuple[Responses, str]:
    """A UI with a password."""
    clients = ("no cookie", "program", "wrong password", "forged cookie", "right password", *OTHER_SITES)
    return request_every_route("password", *clients)


@pytest.fixture(scope="module")
def local() -> Responses:
    """A UI on loopback, without a password."""
    return request_every_route("local", "anyone", "another name", *OTHER_SITES)[0]


@pytest.mark.parametrize("client", ["no cookie", "wrong password", "forged cookie"])
def test_without_the_password_only_the_form_is_served(closed: tuple[Responses, str], client: str) -> None:
    locusts = {"GET locust.index", "POST locust.swarm", "POST locust.stop", "POST locust.reset_stats"}
    ours = {"GET side_by_side.page", "GET side_by_side.as_json", "POST side_by_side.measure"}
    assert closed[0][client].keys() > locusts | ours | OPEN
    for route, response in closed[0][client].items():
        if route not in OPEN:
            is_refused = response["status"] == 401 or response["location"].endswith("/login")
            assert is_refused, (route, response)


def test_a_program_without_a_login_gets_401_and_no_redirect(closed: tuple[Responses, str]) -> None:
    statuses = {route: one["status"] for route, one in closed[0]["program"].items() if route not in OPEN}
    assert set(statuses.values()) == {401}, statuses


def test_with_the_password_no_route_is_refused(closed: tuple[Responses, str]) -> None:
    responses = closed[0]["right password"]
    assert {route for route, one in responses.items() if one["status"] in (401, 403, 421)} == set()
    for route in ("GET locust.index", "GET side_by_side.page", "GET side_by_side.report"):
        assert responses[route]["status"] == 200


def test_the_cookie_is_for_this_site_and_not_for_scripts(closed: tuple[Responses, str]) -> None:
    (line,) = [line for line in closed[1].splitlines() if line.startswith('{"cookie"')]
    cookie = json.loads(line)["cookie"]
    assert cookie.startswith("portcompare_ui=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


@pytest.mark.parametrize("client", OTHER_SITES)
def test_a_page_of_another_site_can_post_to_no_route(
    closed: tuple[Responses, str], local: Responses, client: str
) -> None:
    for responses in (closed[0][client], local[client]):
        posts = {route: one for route, one in responses.items() if not route.startswith("GET")}
        assert len(posts) >= 5
        assert {one["status"] for one in posts.values()} == {403}


def test_no_response_can_be_read_or_framed_by_another_site(
    closed: tuple[Responses, str], local: Responses
) -> None:
    for responses in (*closed[0].values(), *local.values()):
        for route, one in responses.items():
            assert one["shared"] == "", route
            assert not one["framed"], route


def test_on_loopback_another_name_is_refused_everywhere_and_no_password_is_needed(local: Responses) -> None:
    assert {one["status"] for one in local["another name"].values()} == {421}
    assert local["anyone"]["GET locust.index"]["status"] == 200
    assert local["anyone"]["GET side_by_side.as_json"]["status"] == 200
    assert local["anyone"]["POST side_by_side.measure"]["status"] == 409  # no test has been started
