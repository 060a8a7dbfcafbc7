from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from portcompare.errors import InputError
from portcompare.parity import Asker, Explored, openapi_document
from portcompare.plan import load_plan
from portcompare.run.parity import explore_document, find_document_problems
from portcompare.run.progress import Progress
from portcompare.run.session import open_session
from portcompare.serve import vocabulary
from tests.parity.site import Asked, Reply, serving_all

if TYPE_CHECKING:
    from pathlib import Path

    from portcompare.plan import Plan

PLAN = """
baseline = { url = "http://127.0.0.1:1" }
candidates = [{ url = "http://127.0.0.1:2" }]

[scenarios.front]
request = { path = "/" }
load = { users = [1] }
"""
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Items", "version": "1"},
    "paths": {
        "/items": {
            "get": {
                "parameters": [{"name": "n", "in": "query", "required": True, "schema": {"type": "integer"}}],
                "responses": {"200": {"description": "All of them."}},
            }
        }
    },
}


def plan_with(folder: Path, parity: str) -> Plan:
    path = folder / "plan.toml"
    path.write_text(f"{PLAN}\n[parity]\n{parity}\n")
    return load_plan(path, vocabulary())


def answer(asked: Asked) -> Reply:
    if asked.target == "/api.json":
        return Reply(body=json.dumps(DOCUMENT).encode())
    return Reply(body=asked.target.encode())


def exploring(plan: Plan) -> tuple[Explored, list[str]]:
    with (
        serving_all(answer, answer) as (old, new),
        Asker(old.url, {"new": new.url}) as asker,
        Progress(least_rounds=0) as progress,
    ):
        explored = explore_document(plan, asker, old.url, (), progress)
    return explored, [asked.target for asked in new.asked]


def test_a_plan_without_a_document_has_nothing_to_explore(tmp_path: Path) -> None:
    plan = plan_with(tmp_path, "")

    assert find_document_problems(plan) == []
    assert exploring(plan) == (Explored(), [])


def test_a_file_is_checked_before_a_server_runs_and_then_explored(tmp_path: Path) -> None:
    plan = plan_with(tmp_path, 'openapi = "api.json"\nexamples = 4\nseed = 9')
    path = tmp_path / "api.json"
    (missing,) = find_document_problems(plan)
    path.write_text(json.dumps(DOCUMENT | {"paths": {"/x": {"get": {"parameters": 3}}}}))
    (unusable,) = find_document_problems(plan)
    path.write_text(json.dumps(DOCUMENT))

    assert (missing.where, unusable.where) == (str(path), f"{path}: GET /x")
    assert find_document_problems(plan) == []
    explored, asked = exploring(plan)
    assert explored.seeds == ("GET /items: seed 9, 4 examples",)
    assert len(explored.examined) == len(set(asked)) == 4
    assert all(target.startswith("/items") for target in asked)


def test_a_document_that_cannot_be_read_is_told_before_anything_is_served(tmp_path: Path) -> None:
    plan = plan_with(tmp_path, 'openapi = "api.json"')

    with pytest.raises(InputError, match=r"api\.json: cannot be read"), open_session(plan, tmp_path):
        pass


def test_a_path_is_asked_of_the_baseline(tmp_path: Path) -> None:
    plan = plan_with(tmp_path, 'openapi = "/api.json"\nexamples = 2')

    assert find_document_problems(plan) == []
    explored, asked = exploring(plan)
    assert explored.seeds == ("GET /items: seed 1, 2 examples",)
    assert "/api.json" not in asked  # the candidate's own is not looked at


def test_without_the_extra_the_key_and_the_extra_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_with(tmp_path, 'openapi = "api.json"')
    monkeypatch.setattr(openapi_document, "find_spec", lambda _: None)

    (problem,) = find_document_problems(plan)

    assert problem.where == f"{tmp_path}/plan.toml: parity.openapi"
    assert "portcompare[openapi]" in problem.remedy
