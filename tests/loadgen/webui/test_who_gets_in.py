"""Who may ask the web UI, route by route of its own URL map, Locust's own routes among them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("ask_every_route.py")
Got = dict[str, dict[str, dict[str, Any]]]

LOGIN = {"GET locust.login", "GET locust.send_assets", "POST login_with_password"}
"""What can be asked without a login: it shows the form, and reads it."""


def ask(*arguments: str) -> tuple[Got, str]:
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
def closed() -> tuple[Got, str]:
    """A UI with a password."""
    return ask("password", "no cookie", "wrong password", "forged cookie", "right password", "cross-site")


@pytest.fixture(scope="module")
def local() -> Got:
    """One on loopback, without."""
    return ask("local", "nobody", "cross-site", "another name")[0]


def test_the_map_has_all_routes(closed: tuple[Got, str]) -> None:
    routes = closed[0]["no cookie"].keys()
    locusts = {"GET locust.index", "POST locust.swarm", "POST locust.stop", "POST locust.reset_stats"}
    ours = {"GET side_by_side.page", "GET side_by_side.as_json", "POST side_by_side.measure"}
    assert routes >= locusts | ours | LOGIN
    assert len(routes) > 20


@pytest.mark.parametrize("kind", ["no cookie", "wrong password", "forged cookie"])
def test_without_the_password_nothing_but_the_form_is_answered(closed: tuple[Got, str], kind: str) -> None:
    for route, got in closed[0][kind].items():
        if route in LOGIN:
            continue
        assert got["status"] == 401 or got["location"].endswith("/login"), (route, got)


def test_with_the_password_every_route_answers(closed: tuple[Got, str]) -> None:
    got = closed[0]["right password"]
    # A login attempt without a password leads back to the form, as do files that do not exist to nothing.
    refused = {route for route, one in got.items() if one["status"] in (401, 403, 421)}
    assert refused == set()
    assert got["GET locust.index"]["status"] == got["GET side_by_side.page"]["status"] == 200
    assert got["GET side_by_side.report"]["status"] == 200


def test_the_cookie_is_for_this_site_and_for_no_script(closed: tuple[Got, str]) -> None:
    (line,) = [line for line in closed[1].splitlines() if line.startswith('{"cookie"')]
    cookie = json.loads(line)["cookie"]
    assert cookie.startswith("portcompare_ui=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


def test_a_page_of_another_site_can_post_to_no_route(closed: tuple[Got, str], local: Got) -> None:
    for got in (closed[0]["cross-site"], local["cross-site"]):
        posts = {route: one for route, one in got.items() if not route.startswith("GET")}
        assert len(posts) >= 5
        assert {one["status"] for one in posts.values()} == {403}


def test_no_answer_can_be_read_or_framed_by_another_site(closed: tuple[Got, str], local: Got) -> None:
    for got in (*closed[0].values(), *local.values()):
        for route, one in got.items():
            assert one["shared"] == "", route
            assert not one["framed"], route


def test_on_loopback_a_name_that_was_bent_to_it_is_refused_everywhere(local: Got) -> None:
    assert {one["status"] for one in local["another name"].values()} == {421}


def test_on_loopback_no_password_is_needed(local: Got) -> None:
    assert local["nobody"]["GET locust.index"]["status"] == 200
    assert local["nobody"]["GET side_by_side.as_json"]["status"] == 200
    assert local["nobody"]["POST side_by_side.measure"]["status"] == 409  # nothing has been set yet
