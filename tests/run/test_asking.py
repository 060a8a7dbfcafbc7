from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from portcompare.parity import READING, ParityOutcome
from portcompare.plan import App, load_plan
from portcompare.records.parity import Parity
from portcompare.records.requests import Expectation, RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.run import parity as asking
from portcompare.run.parity import ask_differing_alone, ask_everything, expect, find_writing, tell_unchecked
from portcompare.run.progress import Progress
from portcompare.serve import vocabulary
from tests.parity.site import Asked, Reply, serving_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pytest

    from portcompare.plan import Plan
    from portcompare.run.session import Session

URLS = """
baseline = { url = "http://127.0.0.1:1" }
candidates = [{ url = "http://127.0.0.1:2" }]
"""
COMMANDS = """
baseline = "old"
candidates = ["new"]

[deployments.old]
command = "serve {port}"

[deployments.new]
command = "serve {port}"
"""
REST = """
[scenarios.front]
request = { path = "/" }
load = { users = [1] }

[parity]
requests = [{ path = "/extra" }]

[[parity.allow]]
reason = "known"
pointer = "X-Never"

[[parity.allow]]
reason = "moved"
case = "GET /extra"
kind = "status"
"""
READ = RequestSpec(name="read", target="/read")
ODD = RequestSpec(name="odd", target="/odd")
WRITE = RequestSpec(name="write", method="POST", target="/write")
FOUND = Expectation(status=200, body_base64="aGVsbG8=", masked=("/at",), own_address=True)
OWN = Expectation(status=200, body_base64="b3du")


def make_plan(folder: Path, deployments: str) -> Plan:
    path = folder / "plan.toml"
    path.write_text(deployments + REST)
    return load_plan(path, vocabulary())


def session_of(plan: Plan | None = None, **requests: tuple[RequestSpec, ...]) -> Session:
    return cast("Session", SimpleNamespace(plan=plan, requests=requests, cpus=None))


def outcome_of(*requests: RequestSpec, unused: tuple[str, ...] = ()) -> ParityOutcome:
    parity = Parity(equal=True, cases=1, deployments=("new",), differences=())
    known = {replace(request, name=""): {BASELINE: FOUND, "new": OWN} for request in requests}
    return ParityOutcome(parity=parity, asked={}, expectations=known, unused=unused)


def answering(status: int) -> Any:  # noqa: ANN401 - what a site answers by
    def answer(asked: Asked) -> Reply:
        return Reply(status=status if asked.target == "/extra" else 200)

    return answer


@contextmanager
def served(*statuses: int) -> Iterator[dict[str, Any]]:
    """Baseline, control and candidate, each with the status of one path."""
    with serving_all(*map(answering, statuses)) as sites:
        yield dict(zip((BASELINE, CONTROL, "new"), sites, strict=True))


def test_the_plans_requests_are_asked_and_what_it_allows_is_allowed(tmp_path: Path) -> None:
    session = session_of(make_plan(tmp_path, URLS), front=(READ,))
    with served(200, 200, 301) as servers, Progress(least_rounds=0) as progress:
        outcome = ask_everything(session, servers, progress)

    moved = [each for each in outcome.parity.differences if each.case == "GET /extra"]
    assert [(each.deployment, each.allowed) for each in moved] == [("new", "moved")]
    assert [text for text in outcome.unused if "'known'" in text]
    assert {"GET /read", "GET /extra"} <= outcome.asked.keys()
    assert outcome.expectation(READ) is not None


def test_what_differs_is_asked_again_on_fresh_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(tmp_path, COMMANDS)
    plan = plan.model_copy(update={"parity": plan.parity.model_copy(update={"allow": []})})
    session = session_of(plan, front=(READ,))
    started: list[Mapping[str, str]] = []

    @contextmanager
    def serve_alike(_: Plan, arms: Mapping[str, str], **__: object) -> Iterator[dict[str, Any]]:
        started.append(arms)
        with served(200, 200, 200) as servers:
            yield servers

    monkeypatch.setattr(asking, "serve_deployments", serve_alike)
    with Progress(least_rounds=0) as progress:
        with served(200, 200, 500) as servers:
            outcome = ask_everything(session, servers, progress)
        parity = ask_differing_alone(session, outcome, tmp_path, progress)

    assert started
    assert all(arms == {BASELINE: "old", CONTROL: "old", "new": "new"} for arms in started)
    assert not parity.equal
    assert {each.from_order for each in parity.differences} == {True}


def test_servers_of_others_are_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(make_plan(tmp_path, URLS), front=(READ,))
    monkeypatch.delattr(asking, "serve_deployments")
    outcome = outcome_of()
    outcome = replace(outcome, parity=replace(outcome.parity, equal=False))

    with Progress(least_rounds=0) as progress:
        parity = ask_differing_alone(session, outcome, tmp_path, progress)
    assert parity.differences == outcome.parity.differences
    assert any("the baseline cannot be started afresh" in warning for warning in parity.warnings)


def test_servers_whose_data_is_set_up_once_in_a_run_are_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(tmp_path, COMMANDS)
    apps = {name: app.model_copy(update={"setup": ["true"]}) for name, app in plan.apps.items()}
    deployments = {name: one.model_copy(update={"app": "service"}) for name, one in plan.deployments.items()}
    apps.setdefault("service", App(setup=["true"]))
    session = session_of(plan.model_copy(update={"apps": apps, "deployments": deployments}), front=(READ,))
    monkeypatch.delattr(asking, "serve_deployments")
    outcome = outcome_of()
    outcome = replace(outcome, parity=replace(outcome.parity, equal=False))

    with Progress(least_rounds=0) as progress:
        parity = ask_differing_alone(session, outcome, tmp_path, progress)
    assert any("the baseline cannot be started afresh" in warning for warning in parity.warnings)


def test_a_control_that_is_the_baseline_itself_is_not_asked_what_would_be_written_twice(
    tmp_path: Path,
) -> None:
    session = session_of(make_plan(tmp_path, URLS), front=(READ, WRITE))
    with serving_all(*map(answering, (200, 200, 200))) as sites, Progress(least_rounds=0) as progress:
        servers: dict[str, Any] = dict(zip((BASELINE, CONTROL, "new"), sites, strict=True))
        outcome = ask_everything(session, servers, progress)
    assert outcome.parity.deployments == ("new",)
    assert sites[1].asked == []


def test_what_cases_have_written_is_known_under_load(tmp_path: Path) -> None:
    session = session_of(make_plan(tmp_path, COMMANDS), front=(READ,), posts=(WRITE,))

    def storing() -> Any:  # noqa: ANN401 - what a site answers by
        stored: list[str] = []

        def answer(asked: Asked) -> Reply:
            if asked.method == "POST":
                stored.append(asked.target)
            return Reply(body=str(len(stored)).encode() if asked.target == READ.target else b"stays")

        return answer

    with serving_all(storing(), storing(), storing()) as sites, Progress(least_rounds=0) as progress:
        servers: dict[str, Any] = dict(zip((BASELINE, CONTROL, "new"), sites, strict=True))
        outcome = ask_everything(session, servers, progress)
    assert outcome.parity.equal
    # The first answer was another than the last: of what comes later only the status is known.
    assert outcome.expectation(READ, "new") == Expectation(status=200, body_base64=None)


def test_what_was_refused_has_written_nothing(tmp_path: Path) -> None:
    session = session_of(make_plan(tmp_path, COMMANDS), front=(READ,))

    def refusing(asked: Asked) -> Reply:
        return Reply(status=200 if asked.method in READING else 405)

    with serving_all(refusing, refusing, refusing) as sites, Progress(least_rounds=0) as progress:
        servers: dict[str, Any] = dict(zip((BASELINE, CONTROL, "new"), sites, strict=True))
        ask_everything(session, servers, progress)
    assert any(asked.method not in READING for asked in sites[0].asked)
    plain = [asked for asked in sites[0].asked if (asked.method, asked.target) == ("GET", READ.target)]
    assert plain[-1] is not sites[0].asked[-1]  # not once more after all others


def test_whoever_asks_more_than_to_read_writes() -> None:
    head = replace(READ, method="HEAD")

    assert find_writing(session_of(a=(READ, head), b=(READ, WRITE), c=(WRITE,))) == ("b", "c")


def test_under_load_each_place_has_its_expectation() -> None:
    session = session_of(mix=(READ, ODD, READ))

    assert expect(session, "mix", BASELINE, outcome_of(READ)) == {0: FOUND, 2: FOUND}


def test_each_arm_is_held_to_what_it_answered_itself_and_one_not_asked_to_the_baselines() -> None:
    session = session_of(mix=(READ,))

    assert expect(session, "mix", "new", outcome_of(READ)) == {0: OWN}
    assert expect(session, "mix", CONTROL, outcome_of(READ)) == {0: FOUND}


def test_of_a_scenario_that_writes_only_statuses_are_expected() -> None:
    session = session_of(mix=(READ, WRITE), other=(READ,))
    outcome = outcome_of(READ, WRITE)

    status = Expectation(status=200, body_base64=None)
    assert expect(session, "mix", BASELINE, outcome) == {0: status, 1: status}
    assert expect(session, "other", BASELINE, outcome) == {0: FOUND}


def test_what_is_not_checked_is_told() -> None:
    session = session_of(mix=(READ, WRITE), other=(ODD,))

    warnings = list(tell_unchecked(session, outcome_of(READ, WRITE, unused=("not needed",))))

    assert warnings[0] == "not needed"
    assert warnings[1].startswith("mix: asks more than to read")
    assert warnings[2].startswith("the answers are not compared again after the load")
    assert warnings[3].startswith("other: odd is answered with another status")
    assert len(warnings) == 4


def test_of_scenarios_that_only_read_nothing_is_left_out() -> None:
    assert list(tell_unchecked(session_of(mix=(READ,)), outcome_of(READ))) == []
