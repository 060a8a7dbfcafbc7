"""Comparing the responses of a plan's servers, and what the load is held to because of it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portcompare.errors import InputError
from portcompare.http.responses import Response
from portcompare.parity.cases import SAFE_METHODS, identity
from portcompare.parity.openapi import OpenApiDocument
from portcompare.parity.outcome import ParityOutcome
from portcompare.parity.survey import Limits
from portcompare.plan import App, Plan, load_plan
from portcompare.records.parity import Parity
from portcompare.records.requests import Expectation, RequestSpec, Route
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.run import parity as run_parity
from portcompare.run.parity import (
    check_parity,
    expect,
    find_writing,
    recheck_differences,
    warn_of_unchecked,
    without_faulty_scenarios,
)
from portcompare.run.progress import Progress
from portcompare.run.session import Session, find_document_problems
from portcompare.serve import vocabulary
from portcompare.serve.extras import command_for_extras
from tests.parity.clients import DIFFERENCE, Client, Service, response

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
"""
SECOND = '[scenarios.events]\nrequest = { path = "/events" }\nload = { users = [1] }\n'
ALLOWANCES = """
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
FOUND = Expectation(status=200, body_base64="aGVsbG8=", own_address=True)
OWN = Expectation(status=200, body_base64="b3du")

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


class Checker:
    """Checks of plans whose servers are services in this process, each behind a client that records."""

    def __init__(self, folder: Path, progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.progress, self.monkeypatch = folder, progress, monkeypatch
        self.clients: dict[str, Client] = {}

    def plan_of(self, text: str) -> Plan:
        path = self.folder / "plan.toml"
        path.write_text(text)
        return load_plan(path, vocabulary())

    def serve(self, **services: Service) -> dict[str, Any]:
        self.clients = {arm: Client(service) for arm, service in services.items()}
        servers = {arm: SimpleNamespace(url=f"http://{arm}", log=None, deployment=arm) for arm in services}
        by_url = {servers[arm].url: client for arm, client in self.clients.items()}
        self.monkeypatch.setattr(run_parity, "ArmClient", lambda url, *_, **__: by_url[url])
        return servers

    def check(self, session: Session, **services: Service) -> ParityOutcome:
        return check_parity(session, self.serve(**services), self.progress, Limits())


@pytest.fixture
def checker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Checker]:
    with Progress() as progress:
        yield Checker(tmp_path, progress, monkeypatch)


def session_of(plan: Plan | None = None, **requests: tuple[RequestSpec, ...]) -> Session:
    return cast("Session", SimpleNamespace(plan=plan, requests=requests, routes={}, cpus=None, folder=None))


def outcome_of(*requests: RequestSpec, equal: bool = True, unused: tuple[str, ...] = ()) -> ParityOutcome:
    parity = Parity(verdict="alike", cases=1, deployments=("new",), differences=())
    if not equal:
        parity = replace(parity, verdict="different", differences=(DIFFERENCE,))
    known = {replace(request, name=""): {BASELINE: FOUND, "new": OWN} for request in requests}
    return ParityOutcome(parity=parity, cases={}, expectations=known, unused_allowances=unused)


def responding(extra_status: int) -> Service:
    return lambda case: response(status=extra_status if case.target == "/extra" else 200)


def three(new: Service, old: Service | None = None) -> dict[str, Service]:
    old = old or responding(200)
    return {"baseline": old, "control": old, "new": new}


def test_the_plans_requests_are_checked_and_what_it_allows_is_allowed(checker: Checker) -> None:
    session = session_of(checker.plan_of(COMMANDS + REST + ALLOWANCES), front=(READ,))
    outcome = checker.check(session, **three(responding(301)))
    moved = [each for each in outcome.parity.differences if each.case == "GET /extra"]
    assert [(each.deployment, each.allowed) for each in moved] == [("new", "moved")]
    assert [text for text in outcome.unused_allowances if "'known'" in text]
    assert {"GET /read", "GET /extra"} <= outcome.cases.keys()
    assert outcome.expectation(READ) is not None


def test_what_differs_is_sent_again_to_fresh_servers(checker: Checker) -> None:
    session = session_of(checker.plan_of(COMMANDS + REST), front=(READ,))
    started: list[Mapping[str, str]] = []

    @contextmanager
    def serve_alike(_: Plan, arms: Mapping[str, str], **__: object) -> Iterator[Mapping[str, Any]]:
        started.append(arms)
        yield checker.serve(**{arm: responding(200) for arm in arms})

    checker.monkeypatch.setattr(run_parity, "serve_deployments", serve_alike)
    outcome = checker.check(session, **three(responding(500)))
    parity = recheck_differences(session, outcome, checker.progress)
    assert started
    assert all(arms == {BASELINE: "old", CONTROL: "old", "new": "new"} for arms in started)
    assert not parity.equal
    assert {each.from_order for each in parity.differences} == {True}


@pytest.mark.parametrize(
    "setup", [False, True], ids=["servers that run already", "data set up once in a run"]
)
def test_servers_that_cannot_be_started_afresh_are_not_sent_differences_again(
    checker: Checker, *, setup: bool
) -> None:
    plan = checker.plan_of((COMMANDS if setup else URLS) + REST)
    if setup:
        deployments = {
            name: one.model_copy(update={"app": "service"}) for name, one in plan.deployments.items()
        }
        apps = {"service": App(setup=["true"])}
        plan = plan.model_copy(update={"apps": apps, "deployments": deployments})
    checker.monkeypatch.delattr(run_parity, "serve_deployments")
    (warning,) = recheck_differences(session_of(plan), outcome_of(equal=False), checker.progress).warnings
    assert "the baseline cannot be started afresh" in warning


def test_a_control_that_is_the_baseline_itself_is_not_sent_what_would_be_written_twice(
    checker: Checker,
) -> None:
    session = session_of(checker.plan_of(URLS + REST), front=(READ, WRITE))
    assert checker.check(session, **three(responding(200))).parity.deployments == ("new",)
    assert checker.clients[CONTROL].received == []


def test_what_cases_have_written_is_known_under_load(checker: Checker) -> None:
    session = session_of(checker.plan_of(COMMANDS + REST), front=(READ,), posts=(WRITE,))

    def storing() -> Service:
        stored: list[str] = []

        def respond(case: RequestSpec) -> Any:  # noqa: ANN401 - a response
            if case.method == "POST":
                stored.append(case.target)
            return response(body=str(len(stored)).encode() if case.target == READ.target else b"stays")

        return respond

    outcome = checker.check(session, baseline=storing(), control=storing(), new=storing())
    assert outcome.parity.equal
    # The first response was another than the last: of later ones only the status is known.
    assert outcome.expectation(READ, "new") == Expectation(status=200, body_base64=None)


def test_what_was_refused_has_written_nothing(checker: Checker) -> None:
    def refusing(case: RequestSpec) -> Any:  # noqa: ANN401 - a response
        return response(status=200 if case.method in SAFE_METHODS else 405)

    checker.check(
        session_of(checker.plan_of(COMMANDS + REST), front=(READ,)), **three(refusing, old=refusing)
    )
    received = checker.clients[BASELINE].received
    assert any(case.method not in SAFE_METHODS for case in received)
    assert [identity(case) for case in received].count(identity(READ)) == 2  # and not once more in the end


def test_a_scenario_writes_if_a_request_does_more_than_read() -> None:
    head = replace(READ, method="HEAD")
    assert find_writing(session_of(a=(READ, head), b=(READ, WRITE), c=(WRITE,))) == ("b", "c")


def test_under_load_each_request_has_its_expectation_and_of_a_scenario_that_writes_the_status_alone() -> None:
    session = session_of(mix=(READ, ODD, READ))
    assert expect(session, "mix", BASELINE, outcome_of(READ)) == {0: FOUND, 2: FOUND}
    assert expect(session, "mix", "new", outcome_of(READ)) == {0: OWN, 2: OWN}
    assert expect(session, "mix", CONTROL, outcome_of(READ)) == {0: FOUND, 2: FOUND}  # it was not compared
    session = session_of(mix=(READ, WRITE), other=(READ,))
    outcome = outcome_of(READ, WRITE)
    status = Expectation(status=200, body_base64=None)
    assert expect(session, "mix", BASELINE, outcome) == {0: status, 1: status}
    assert expect(session, "other", BASELINE, outcome) == {0: FOUND}


def test_what_is_not_checked_is_a_warning() -> None:
    session = session_of(mix=(READ, WRITE), other=(ODD,))
    found = outcome_of(READ, WRITE, unused=("not needed",))
    unused, writing, afterwards, other = warn_of_unchecked(session, found)
    assert unused == "not needed"
    assert writing.startswith("mix: writes")
    assert afterwards.startswith("the responses are not compared again after the load")
    assert other.startswith("other: the response to odd has another status")
    assert list(warn_of_unchecked(session_of(mix=(READ,)), outcome_of(READ))) == []


def streamed(
    checker: Checker, *streams: RequestSpec, **requests: tuple[RequestSpec, ...]
) -> tuple[Session, ParityOutcome]:
    """A session of these scenarios, and the outcome where some responses never end."""
    plan = checker.plan_of(URLS + REST.replace("[parity]", SECOND + "[parity]"))
    plan = plan.model_copy(update={"scenarios": {name: plan.scenarios[name] for name in requests}})
    unused: Any = None
    session = Session(plan=plan, cpus=unused, folder=checker.folder, generator=unused, requests=requests)
    return session, replace(outcome_of(), streams=frozenset(map(identity, streams)))


def test_a_stream_is_not_measured_with_a_warning_and_other_scenarios_are(checker: Checker) -> None:
    session, outcome = streamed(checker, ODD, front=(READ,), events=(ODD,))
    left = without_faulty_scenarios(session, outcome)
    assert (set(left.plan.scenarios), set(left.requests)) == ({"front"}, {"front"})
    [warning] = [line for line in warn_of_unchecked(session, outcome) if "never ends" in line]
    assert warning.startswith("events: not measured, as odd never ends: it can be compared but not measured")
    session, outcome = streamed(checker, front=(READ,), events=(ODD,))
    assert without_faulty_scenarios(session, outcome) is session


@pytest.mark.parametrize("requests", [{"events": (ODD,)}, {"events": (READ, ODD), "front": (ODD,)}])
def test_a_run_that_could_measure_nothing_but_streams_is_refused(
    checker: Checker, requests: dict[str, tuple[RequestSpec, ...]]
) -> None:
    with pytest.raises(InputError) as refused:
        without_faulty_scenarios(*streamed(checker, ODD, **requests))
    assert len(refused.value.problems) == len(requests)
    for problem in refused.value.problems:
        assert problem.found == "odd never ends: it can be compared but not measured"
        assert "[[parity.requests]]" in problem.remedy


def document_plan(checker: Checker, keys: str) -> Plan:
    return checker.plan_of(f"{COMMANDS}{REST}vary = []\n{keys}\n")


def test_a_file_is_checked_before_a_server_runs_and_its_cases_are_sent(checker: Checker) -> None:
    plan = document_plan(checker, 'openapi = "api.json"\nexamples = 4\nseed = 9')
    path = checker.folder / "api.json"
    (missing,) = find_document_problems(plan)
    path.write_text(json.dumps(DOCUMENT | {"paths": {"/x": {"get": {"parameters": 3}}}}))
    (unusable,) = find_document_problems(plan)
    path.write_text(json.dumps(DOCUMENT))
    assert (missing.where, unusable.where) == (str(path), f"{path}: GET /x")
    assert find_document_problems(plan) == []
    outcome = checker.check(session_of(plan), baseline=responding(200), new=responding(200))
    targets = [case.target for name, case in outcome.cases.items() if "[OpenAPI]" in name]
    assert outcome.parity.seeds == ("GET /items: seed 9, 4 examples",)
    assert len(targets) == len(set(targets)) == 4
    assert all(target.startswith("/items") for target in targets)


def test_routes_of_generated_requests_count_as_requested_and_errors_alone_are_a_warning(
    checker: Checker,
) -> None:
    plan = document_plan(checker, 'openapi = "api.json"\nexamples = 2')
    (checker.folder / "api.json").write_text(json.dumps(DOCUMENT))
    routes = {"old": (Route(rule="/items", methods=("GET",)),)}
    session = cast("Session", SimpleNamespace(plan=plan, requests={}, routes=routes))
    works = checker.check(session, baseline=responding(200), new=responding(200)).parity
    assert (works.coverage.routes_known, works.coverage.routes_requested) == (1, 1)
    assert not any("GET /items: all generated" in each for each in works.warnings)

    def refuse(case: RequestSpec) -> Response:
        return response(status=401 if case.target.startswith("/items") else 200)

    refused = checker.check(session, baseline=refuse, new=refuse).parity
    assert any(
        "GET /items: all generated requests are errors on the baseline (status 401)" in each
        for each in refused.warnings
    )


def test_a_path_is_fetched_from_the_baseline(checker: Checker) -> None:
    plan = document_plan(checker, 'openapi = "/api.json"\nexamples = 2')
    fetched: list[str] = []

    def fetch(url: str, _: float) -> OpenApiDocument:
        fetched.append(url)
        return OpenApiDocument(where=url, location=url, content=DOCUMENT)

    checker.monkeypatch.setattr(run_parity, "fetch_document", fetch)
    assert find_document_problems(plan) == []
    outcome = checker.check(session_of(plan), baseline=responding(200), new=responding(200))
    assert outcome.parity.seeds == ("GET /items: seed 1, 2 examples",)
    assert fetched == ["http://baseline/api.json"]


def test_without_the_extra_the_key_and_the_extra_are_named(checker: Checker) -> None:
    plan = document_plan(checker, 'openapi = "api.json"')
    checker.monkeypatch.setattr("portcompare.parity.openapi.find_spec", lambda _: None)
    (problem,) = find_document_problems(plan)
    assert problem.where == f"{checker.folder}/plan.toml: parity.openapi"
    assert problem.remedy.startswith(command_for_extras("openapi"))
