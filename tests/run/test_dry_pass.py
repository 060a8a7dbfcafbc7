from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from portcompare.errors import InputError
from portcompare.http.requests import http_request
from portcompare.run import parity as dry_pass
from portcompare.run.parity import capture_requests
from portcompare.run.progress import Progress
from portcompare.run.session import Session
from portcompare.serve import assign_cpus
from portcompare.wire.protocol import Capture, Captured
from tests.measure.plans import make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portcompare.plan import Plan

URL = "http://127.0.0.1:8000"
ONE, OTHER = http_request("/one"), http_request("/other", method="POST", body=b"x")


class Capturing:
    """A load generator that has captured already."""

    def __init__(self, captured: Mapping[str, Captured]) -> None:
        self._captured = captured
        self.orders: list[Capture] = []

    def capture(self, order: Capture) -> Captured:
        self.orders.append(order)
        return self._captured[order.scenario]


@contextmanager
def pretend_to_serve(
    plan: Plan, arms: Mapping[str, str], **_: object
) -> Iterator[dict[str, SimpleNamespace]]:
    assert arms == {"dry-pass": plan.baseline}
    yield {"dry-pass": SimpleNamespace(url=URL)}


@pytest.fixture(autouse=True)
def _servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_pass, "serve_deployments", pretend_to_serve)


def capture(**captured: Captured) -> tuple[Session, list[str], list[Capture]]:
    """The session after the dry pass of these scenarios, the warnings, and the orders."""
    generator, warnings = Capturing(captured), list[str]()
    plan = make_plan()
    session = Session(
        plan=plan,
        cpus=assign_cpus(plan, 1),
        generator=cast("Any", generator),
        requests={"slow": (ONE,)},
        to_capture=tuple(captured),
    )
    with Progress(least_rounds=0) as progress:
        after = capture_requests(session, Path(), progress, warnings.append)
    return after, warnings, generator.orders


def test_captured_requests_are_the_scenario_s_like_those_that_are_declared() -> None:
    session, warnings, orders = capture(fast=Captured(requests=(ONE, OTHER)))
    assert session.requests == {"slow": (ONE,), "fast": (ONE, OTHER)}
    assert session.to_capture == ()
    assert orders == [Capture(scenario="fast", url=URL)]
    assert warnings == []


def test_nobody_runs_and_nothing_is_served_where_all_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(dry_pass, "serve_deployments")
    session, warnings, orders = capture()
    assert session.requests == {"slow": (ONE,)}
    assert (warnings, orders) == ([], [])


def test_what_is_asked_elsewhere_is_told() -> None:
    _, warnings, _ = capture(fast=Captured(requests=(ONE,), elsewhere=("http://a/", "http://b/")))
    assert warnings == [
        "fast also asks http://a/, http://b/: these requests are measured, their answers not compared"
    ]


def test_all_classes_that_cannot_be_used_are_told_at_once_with_their_keys() -> None:
    bad = Captured(requests=(), problem=("Fast raised KeyError", "correct it"))
    with pytest.raises(InputError) as caught:
        capture(fast=bad, slow=bad)
    assert [str(problem) for problem in caught.value.problems] == [
        "/nowhere/plan.toml: scenarios.fast.user: Fast raised KeyError\n    correct it",
        "/nowhere/plan.toml: scenarios.slow.user: Fast raised KeyError\n    correct it",
    ]
