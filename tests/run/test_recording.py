import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from portcompare.plan import Plan
from portcompare.records.pages import PageVisit
from portcompare.records.results import RESULTS_FILE
from portcompare.run.recording import Recording
from tests.analyse.samples import PARITY, ROUND
from tests.measure.plans import make_manifest, make_plan, paged


def record(plan: Plan, folder: Path, **manifest: Any) -> Recording:  # noqa: ANN401 - any of its fields
    return Recording(
        plan=plan,
        manifest=replace(make_manifest(), **manifest),
        folder=folder,
        started_at=datetime.now(UTC),
        began_s=time.monotonic(),
    )


def test_secrets_of_apps_and_deployments_do_not_go_into_the_results(tmp_path: Path) -> None:
    plan, secret = make_plan(), {"environment": {"API_KEY": "hidden", "MODE": "shown"}}
    old, app = plan.deployments["old"].model_copy(update=secret), plan.apps["app"].model_copy(update=secret)
    changed = {"deployments": plan.deployments | {"old": old}, "apps": {"app": app}}
    written = record(plan.model_copy(update=changed), tmp_path).results(partial=True).plan
    for place in (written["deployments"]["old"], written["apps"]["app"]):
        assert place["environment"] == {"API_KEY": "***", "MODE": "shown"}
    assert old.environment["API_KEY"] == "hidden"


def test_what_is_known_of_machine_servers_and_responses_is_a_warning(tmp_path: Path) -> None:
    running, other = make_manifest().deployments
    recording = record(
        make_plan(),
        tmp_path,
        differences=("threads: old 8, new none", "loop: old none, new uvloop"),
        deployments=(replace(running, kind="url"), other),
    )
    recording.add_parity(replace(PARITY, warnings=("not all was asked",)))
    warnings = recording.results(partial=True).warnings
    assert (
        "not alike besides app and server: threads: old 8, new none; loop: old none, new uvloop" in warnings
    )
    assert any(one.startswith("CPU time and memory of old are not known") for one in warnings)
    assert any(one.startswith("the control is no second instance of old") for one in warnings)
    assert "not all was asked" in warnings
    assert record(make_plan(), tmp_path).results(partial=True).warnings == ()


def test_results_are_written_now_and_then_and_not_after_every_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("portcompare.run.recording.time.monotonic", lambda: now_s)
    recording = record(make_plan(), tmp_path)
    recording.save(partial=True)
    path = tmp_path / RESULTS_FILE
    path.unlink()
    now_s += 1.0
    recording.save_now_and_then()
    assert not path.exists()
    now_s += 5.0
    recording.save_now_and_then()
    assert path.exists()


def test_a_visit_whose_load_failed_is_kept_as_discarded(tmp_path: Path) -> None:
    recording = record(paged(), tmp_path)
    visit = PageVisit(block=0, order=0, arm="baseline", deployment="old", page="busy", users=8, loads=())
    recording.add_visit(replace(visit, users_load=replace(ROUND.load, requests=100)))
    recording.add_visit(
        replace(visit, users_load=replace(ROUND.load, requests=0, error_kinds={"timeout": 8}))
    )
    kept = recording.results(partial=True).pages.visits
    assert [one.discarded for one in kept] == [None, "under load no request succeeded: 8 x timeout"]
