"""The requests of user classes are captured from a server of their own, before any is compared."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portcompare.errors import InputError
from portcompare.plan import Plan
from portcompare.records.requests import RequestSpec
from portcompare.run import parity as run_parity
from portcompare.run.parity import capture_requests
from portcompare.run.progress import Progress
from portcompare.run.session import Session
from portcompare.serve import assign_cpus
from portcompare.wire.protocol import Capture, Captured
from tests.serve.support import write_deployments

READ = RequestSpec(name="read", target="/read")
WRITE = RequestSpec(name="write", method="POST", target="/write")

Captures = Callable[..., tuple[Session, list[str], list[Capture]]]


@pytest.fixture
def capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Captures:
    """Capture the requests of scenarios, given what the load generator reports of each."""
    plan = write_deployments(tmp_path, "command = 'serve {port}'")

    @contextmanager
    def serve(_: Plan, arms: Mapping[str, str], **__: object) -> Iterator[dict[str, SimpleNamespace]]:
        assert arms == {"dry-pass": "first"}
        yield {"dry-pass": SimpleNamespace(url="http://127.0.0.1:1")}

    monkeypatch.setattr(run_parity, "serve_deployments", serve)

    def run(**captured: Captured) -> tuple[Session, list[str], list[Capture]]:
        """The session afterwards, the warnings, and the orders to the load generator."""
        warnings: list[str] = []
        orders: list[Capture] = []

        def respond(order: Capture) -> Captured:
            orders.append(order)
            return captured[order.scenario]

        session = Session(
            plan=plan,
            cpus=assign_cpus(plan, 1),
            folder=tmp_path,
            generator=cast("Any", SimpleNamespace(capture=respond)),
            requests={"slow": (READ,)},
            to_capture=tuple(captured),
        )
        with Progress() as progress:
            return capture_requests(session, progress, warnings.append), warnings, orders

    return run


def test_captured_requests_are_a_scenarios_like_those_that_are_declared(capture: Captures) -> None:
    session, warnings, orders = capture(fast=Captured(requests=(READ, WRITE)))
    assert session.requests == {"slow": (READ,), "fast": (READ, WRITE)}
    assert session.to_capture == ()
    assert orders == [Capture(scenario="fast", url="http://127.0.0.1:1")]
    assert warnings == []
    _, warnings, _ = capture(fast=Captured(requests=(READ,), elsewhere=("http://a/", "http://b/")))
    elsewhere = "fast also sends requests to http://a/, http://b/: they are measured, and not compared"
    assert warnings == [elsewhere]


def test_nothing_is_served_where_all_requests_are_known(
    capture: Captures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(run_parity, "serve_deployments")
    session, warnings, orders = capture()
    assert (session.requests, warnings, orders) == ({"slow": (READ,)}, [], [])


def test_all_classes_that_cannot_be_used_are_reported_at_once_with_their_keys(
    tmp_path: Path, capture: Captures
) -> None:
    bad = Captured(requests=(), problem=("Fast raised KeyError", "correct it"))
    with pytest.raises(InputError) as caught:
        capture(fast=bad, slow=bad)
    assert [str(problem) for problem in caught.value.problems] == [
        f"{tmp_path}/plan.toml: scenarios.{name}.user: Fast raised KeyError\n    correct it"
        for name in ("fast", "slow")
    ]
