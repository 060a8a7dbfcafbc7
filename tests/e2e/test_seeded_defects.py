"""A port with one defect, ten times over: each is found, is as severe as it is, and nothing else is found."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import begin
from tests.parity.defects.plans import deployment, write_plan
from tests.parity.defects.seeded import SEEDED

if TYPE_CHECKING:
    from pathlib import Path

    # Method and path, kind, pointer, severity, and what both say where that is short.
    Told = tuple[str, str, str, str, str]

HEAD = "head-with-body"
UNDER_LOAD = "mixed-up-under-load"

# In this order: what is stored by one request is seen by those after it.
REQUESTS = """
[parity]
requests = [
    { path = "/items/1" },
    { path = "/items/2" },
    { path = "/items/99" },
    { path = "/items" },
    { path = "/items", query = { limit = 2 } },
    { path = "/items", query = { limit = 0 } },
    { method = "POST", path = "/login", headers = { Authorization = "Basic YWRhOmVuZ2luZQ==" } },
    { method = "POST", path = "/items", json = { name = "table" } },
    { method = "POST", path = "/items", headers = { Content-Type = "text/plain" }, body = "table" },
    { path = "/items", query = { limit = 50 } },
    { path = "/items/4" },
]

# What is allowed is told as well, and not asked again on fresh servers, which would take long for so many.
[[parity.allow]]
reason = "of one kind with what its request shows without a variation"
case = "* [*"
"""

SCENARIO = """
[scenarios.items]
requests = [{ path = "/items/1" }, { path = "/items/3" }]
load = { users = [8] }

[rounds]
seconds = 0.3
warmup_s = 0.05
min_blocks = 2
max_blocks = 2
"""

EXPECTED: dict[str, set[Told]] = {
    "status-of-bad-parameter": {("GET /items", "status", "", "breaks", "400 422")},
    "crash-on-content-type": {("POST /items", "status", "", "breaks", "415 500")},
    "number-for-text": {
        ("GET /items/*", "json", "/sku", "breaks", ""),
        ("HEAD /items/*", "header", "Content-Length", "changes", ""),
    },
    "lost-header": {
        ("GET /items", "header", "Cache-Control", "changes", ""),
        ("HEAD /items", "header", "Cache-Control", "changes", ""),
    },
    "lost-cookie-attribute": {("POST /login", "header", "Set-Cookie: session; HttpOnly", "changes", "")},
    "swapped-error-codes": {("GET /items/*", "json", "/error", "changes", "")},
    "text-for-number-in-path": {
        ("GET /items/*", "status", "", "breaks", "404 500"),  # what is no number
        ("GET /items/portcompare-no-such-path", "status", "", "breaks", "404 500"),
        ("GET /items/*", "status", "", "breaks", "404 200"),  # what Python reads as one, such as +1
        ("GET /items/*", "json", "/detail", "changes", ""),  # -1: no such route, or no such item
        ("GET /items/*", "json", "/error", "changes", ""),
    },
    "write-not-stored": {
        ("GET /items", "json", "/items/3", "breaks", ""),  # each case is sent twice: two new items
        ("GET /items", "json", "/items/4", "breaks", ""),
        ("HEAD /items", "header", "Content-Length", "changes", ""),
        ("GET /items/*", "status", "", "breaks", "200 404"),
    },
    HEAD: {(f"HEAD {path}", "body", "", "breaks", "") for path in ("/items", "/items/*", "/login")},
}


FLASK_SHOP = deployment("flask-shop", "flask", "waitress")


def port(defect: str) -> str:
    """A deployment of the port; where a body after HEAD must show, on the server that leaves nothing out."""
    return deployment(defect, "quart", "bare" if defect == HEAD else "uvicorn", DEFECT=defect)


@pytest.fixture(scope="module")
def differences(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What `check --json` finds in all ports at once."""
    folder = tmp_path_factory.mktemp("defects")
    candidates = ["none", *EXPECTED]
    tables = [FLASK_SHOP, *map(port, candidates)]
    plan = write_plan(folder, "flask-shop", candidates, tables, REQUESTS + SCENARIO)
    process = begin("check", plan, "--json", directory=folder)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 1, err
    found: list[dict[str, Any]] = json.loads(out)["differences"]
    return found


def told_of(differences: list[dict[str, Any]], deployment: str) -> set[Told]:
    return {
        (family(one["case"]), one["kind"], one["pointer"], one["severity"], told_values(one))
        for one in differences
        if one["deployment"] == deployment
    }


def family(case: str) -> str:
    """Method and path of a case, without its query, what was varied in it, and the number in its path."""
    found = re.match(r"[A-Z]+ [^? ]+", case)
    assert found, case
    return re.sub(r"/\d+$", "/*", found[0])


def told_values(one: dict[str, Any]) -> str:
    return f"{one['baseline']} {one['candidate']}" if one["kind"] == "status" else ""


def test_every_defect_is_known_here() -> None:
    assert {*EXPECTED, UNDER_LOAD} == SEEDED.keys()


@pytest.mark.parametrize("defect", EXPECTED)
def test_a_defect_is_found_with_its_severity_and_nothing_else_is(
    differences: list[dict[str, Any]], defect: str
) -> None:
    assert told_of(differences, defect) == EXPECTED[defect]


@pytest.mark.parametrize("arm", ["none", "baseline", "control"])
def test_a_port_without_a_defect_shows_no_difference(differences: list[dict[str, Any]], arm: str) -> None:
    assert told_of(differences, arm) == set()


def test_what_shows_only_after_a_write_is_said_to_come_from_the_order(
    differences: list[dict[str, Any]],
) -> None:
    asked_alone = [one for one in differences if not one["allowed"]]
    from_order = {(one["deployment"], one["case"]) for one in asked_alone if one["from_order"]}
    # The other defect shows at the new item too, and without it there is nothing that it could show at.
    assert from_order == {
        ("write-not-stored", "GET /items?limit=50"),
        ("write-not-stored", "GET /items/4"),
        ("write-not-stored", "HEAD /items"),
        ("number-for-text", "GET /items/4"),
    }
    assert {one["deployment"] for one in asked_alone if not one["from_order"]} == EXPECTED.keys() - {
        "write-not-stored"
    }


ALLOWED = "number-for-text"
ALLOWANCE = f"""
[[parity.allow]]
reason = "numbers, as the clients were told"
deployment = "{ALLOWED}"
"""


def test_a_body_that_is_wrong_under_load_only_makes_the_rounds_void_and_what_is_allowed_does_not(
    tmp_path: Path,
) -> None:
    ports = [UNDER_LOAD, ALLOWED]
    tables = [FLASK_SHOP, *map(port, ports)]
    plan = write_plan(tmp_path, "flask-shop", ports, tables, SCENARIO + ALLOWANCE)
    process = begin("run", plan, "--out", tmp_path / "run", directory=tmp_path)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 3, err
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["parity"]["equal"]
    assert not results["valid"]
    wrong = {
        one["arm"]
        for one in results["rounds"]
        if any("wrong body" in kind for kind in one["load"]["error_kinds"])
    }
    assert wrong == {UNDER_LOAD}
    reasons = [one["discarded"] for one in results["rounds"] if one["arm"] == UNDER_LOAD]
    assert all(reason and "wrong body" in reason for reason in reasons)
    assert any(UNDER_LOAD in warning and "wrong body" in warning for warning in results["warnings"])
    assert any("of 8 rounds were discarded" in reason for reason in results["invalid_reasons"])
    assert {one["deployment"] for one in results["parity"]["differences"]} == {ALLOWED}
    assert not any(one["load"]["error_kinds"] for one in results["rounds"] if one["arm"] == ALLOWED)
