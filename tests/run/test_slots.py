"""What a run observes of its idle servers before the load."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from portcompare.http.requests import http_request
from portcompare.records.manifest import Ceiling, ServedDeployment
from portcompare.records.requests import LoginStep, RequestSpec
from portcompare.run import slots
from portcompare.run.recording import recall_run
from tests.measure.plans import make_manifest, make_plan
from tests.run.test_recording import record

GET = http_request("/")
STEP = LoginStep(request=GET)
ONE = {"workers": "1"}
MEASURED = Ceiling(slots=1, noun="measured slot")


def served(name: str, **facts: Any) -> ServedDeployment:  # noqa: ANN401 - any of its fields
    known = next(one for one in make_manifest().deployments if one.name == name)
    return replace(known, **({"settings": ONE} | facts))


def observe(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    deployments: Sequence[ServedDeployment],
    request: RequestSpec = GET,
) -> dict[str, int]:
    """Observe servers that handle one at a time; returns the most requests that each was tried with."""
    tried: dict[str, int] = {}

    def observe_slots(server: str, _request: RequestSpec, *, most: int, limit_s: float) -> int:
        assert 0 < limit_s <= slots.SLOTS_SHARE * plan.rounds.budget_s
        tried[server] = most
        return 1

    plan = make_plan()
    monkeypatch.setattr(slots, "observe_slots", observe_slots)
    recording = record(plan, folder, deployments=tuple(deployments))
    recording.begin()
    session: Any = SimpleNamespace(plan=plan, requests=dict.fromkeys(plan.scenarios, (request,)))
    servers: Any = {arm.name: arm.name for arm in plan.arms}
    slots.observe_in_run(session, recording, Mock(), servers)
    recalled = {one.name: one.ceilings for one in recall_run(folder).manifest.deployments}
    assert {one.name: one.ceilings for one in recording.manifest.deployments} == recalled
    assert all(recalled[name] for name in ("new",) if name in tried)
    return tried


def test_each_deployment_is_tried_once_with_as_many_as_it_could_handle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    most = max(int(level) for _, level in make_plan().levels)
    tried = observe(monkeypatch, tmp_path, [served("old", slots=4), served("new")])
    assert tried == {"baseline": min(4, most), "new": min(64, most)}


@pytest.mark.parametrize(
    ("facts", "request_"),
    [
        ({"settings": {"workers": "2"}}, GET),
        ({"kind": "command"}, GET),
        ({"slots": 1}, GET),
        ({"ceilings": dict.fromkeys(make_plan().scenarios, Ceiling(slots=3))}, GET),
        ({}, http_request("/", method="POST")),
        ({}, replace(GET, login=(STEP,))),
        ({}, replace(GET, follows=STEP)),
    ],
)
def test_what_is_known_or_cannot_be_repeated_is_not_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, facts: dict[str, Any], request_: RequestSpec
) -> None:
    deployments = [served("old", **facts), served("new", **facts)]
    assert observe(monkeypatch, tmp_path, deployments, request_) == {}


def test_the_bound_names_what_was_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    observe(monkeypatch, tmp_path, [served("old"), served("new")])
    manifest = recall_run(tmp_path).manifest
    assert {one.ceiling_of(name) for one in manifest.deployments for name in one.ceilings} == {MEASURED}
