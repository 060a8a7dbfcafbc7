"""A response that never ends is compared and not measured."""

from pathlib import Path
from typing import Any, cast

import pytest

from portcompare.errors import InputError
from portcompare.http.requests import http_request
from portcompare.parity.cases import identity
from portcompare.parity.outcome import ParityOutcome
from portcompare.plan import load_plan
from portcompare.records.parity import Coverage, Parity
from portcompare.run.parity import warn_of_unchecked, without_faulty_scenarios
from portcompare.run.session import Session
from portcompare.serve import vocabulary

PLAN = """
baseline = { url = "http://127.0.0.1:1" }
candidates = [{ url = "http://127.0.0.1:2" }]

[scenarios.front]
request = { path = "/" }
load = { users = [1] }

[scenarios.events]
request = { path = "/events" }
load = { users = [1] }
"""
FRONT, EVENTS = http_request("/"), http_request("/events")


def session_of(tmp_path: Path, **requests: Any) -> Session:  # noqa: ANN401 - tuples of requests
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    plan = load_plan(path, vocabulary())
    plan = plan.model_copy(update={"scenarios": {name: plan.scenarios[name] for name in requests}})
    nothing: Any = None
    return Session(plan=plan, cpus=nothing, folder=tmp_path, generator=nothing, requests=requests)


def outcome_of(*streams: Any) -> ParityOutcome:  # noqa: ANN401 - requests
    parity = Parity(verdict="alike", cases=2, coverage=Coverage(), deployments=("new",), differences=())
    return ParityOutcome(parity=parity, cases={}, expectations={}, streams=frozenset(map(identity, streams)))


def test_other_scenarios_are_measured_and_a_warning_says_why_one_is_not(tmp_path: Path) -> None:
    session = session_of(tmp_path, front=(FRONT,), events=(EVENTS,))
    left = without_faulty_scenarios(session, outcome_of(EVENTS))
    assert (set(left.plan.scenarios), set(left.requests)) == ({"front"}, {"front"})
    [warning] = [line for line in warn_of_unchecked(session, outcome_of(EVENTS)) if "never ends" in line]
    assert warning.startswith(
        "events: not measured, as GET /events never ends: it can be compared but not measured"
    )


@pytest.mark.parametrize("requests", [{"events": (EVENTS,)}, {"events": (FRONT, EVENTS), "front": (EVENTS,)}])
def test_a_run_that_could_measure_nothing_else_is_refused(tmp_path: Path, requests: Any) -> None:  # noqa: ANN401
    with pytest.raises(InputError) as refused:
        without_faulty_scenarios(session_of(tmp_path, **requests), outcome_of(EVENTS))
    assert len(refused.value.problems) == len(requests)
    for problem in refused.value.problems:
        assert problem.found == "GET /events never ends: it can be compared but not measured"
        assert "[[parity.requests]]" in problem.remedy


def test_without_streams_all_is_measured(tmp_path: Path) -> None:
    session = session_of(tmp_path, front=(FRONT,), events=(EVENTS,))
    assert cast("object", without_faulty_scenarios(session, outcome_of())) is session
