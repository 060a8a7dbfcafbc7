from dataclasses import replace
from typing import Any

import pytest

from portcompare.analyse.advice import find_advice
from portcompare.plan import Deployment, Plan
from portcompare.records.diagnosis import Advice
from portcompare.records.estimates import Comparison
from portcompare.records.manifest import ServedDeployment
from portcompare.records.results import Results
from portcompare.records.rounds import BASELINE, CONTROL, Bound
from tests.altered import altered
from tests.analyse.samples import ROUND, SUMMARY
from tests.analyse.test_answer import GAIN, LESS, MANY, SAME, WIDE, one, plan_of
from tests.measure.plans import make_manifest
from tests.runs import make_run

FASTER = one("newest", 16.0, scenario="slow", level=64.0)
"""The port on another server."""


def plan() -> Plan:
    whole = plan_of()
    newest = Deployment(app="port", server="uvicorn")
    newer = Deployment(app="app", server="gunicorn-gevent")
    more = {"newest": newest, "newer": newer}
    return whole.model_copy(
        update={"deployments": whole.deployments | more, "candidates": [*whole.candidates, "newest"]}
    )


@pytest.fixture(scope="module")
def run() -> Results:
    return replace(make_run(1, blocks=2), summaries=(), manifest=make_manifest())


ON_SLOW = "measured at 64 users (`slow`)"
CASES: list[tuple[str, list[Comparison], list[str]]] = [
    ("nothing of what was not shown", [WIDE, one("new", 1.05, half=0.2)], []),
    ("nothing of what may be chance", MANY, []),
    ("nothing of a port alone, which the answer names", [GAIN], []),
    ("nothing of the control", [one(CONTROL, 1.5)], []),
    ("the same gain without a port", [GAIN, SAME], ["newer gives 100% of the port's gain without a port"]),
    ("a part of it", [GAIN, LESS], ["newer gives 43% of the port's gain without a port"]),
    (
        "another server where no port pays",
        [one("new", 1.0), one("newer", 1.5)],
        ["The server limits, not the framework: newer instead of old gives 1.5x the throughput"],
    ),
    (
        "another server for the port",
        [GAIN, FASTER],
        ["The server limits, not the framework: newest instead of new gives 2.0x the throughput"],
    ),
    ("nothing where their intervals overlap", [GAIN, one("newest", 8.1, scenario="slow", level=64.0)], []),
    (
        "from where on the port pays",
        [one("new", 0.9, level=1.0), one("new", 2.0, level=8.0), one("new", 3.0, level=64.0)],
        ["The port pays: new on `fast` from 8 users on"],
    ),
    (
        "not from where on it pays where that was not shown",
        [one("new", 1.05, level=1.0, half=0.08), one("new", 2.0, level=8.0), one("new", 0.5, level=64.0)],
        [],
    ),
    (
        "not from where on it pays where a higher level is not known",
        [one("new", 0.9, level=1.0), one("new", 2.0, level=8.0), altered(WIDE, level=64.0)],
        [],
    ),
    ("nothing where it pays at all levels", [one("new", 2.0, level=1.0), one("new", 2.0, level=8.0)], []),
]


@pytest.mark.parametrize(("found", "texts"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_run_advises(found: list[Comparison], texts: list[str], run: Results) -> None:
    results = replace(run, comparisons=tuple(found))
    assert [each.text for each in find_advice(plan(), results)] == texts


def test_nothing_is_advised_of_a_run_that_cannot_be_relied_on(run: Results) -> None:
    results = replace(run, comparisons=(GAIN, SAME))
    assert find_advice(plan(), replace(results, valid=False)) == ()
    assert find_advice(plan(), replace(results, partial=True)) == ()


def test_what_a_run_measured_is_confirmed_with_an_interval_and_names_what_is_to_be_changed(
    run: Results,
) -> None:
    (server,) = find_advice(plan(), replace(run, comparisons=(GAIN, FASTER)))
    assert server.measured is not None
    assert server.measured.interval == pytest.approx((2 * 0.99 / 1.01, 2 * 1.01 / 0.99))
    assert (server.outcome, server.effort, server.change) == (
        "confirmed",
        "deployment",
        {"server": "uvicorn"},
    )
    assert (server.deployment, server.evidence) == ("new", ON_SLOW)
    (rival,) = find_advice(plan(), replace(run, comparisons=(GAIN, SAME)))
    assert (rival.deployment, rival.change) == ("old", {"server": "gunicorn-gevent"})
    assert rival.evidence == f"{ON_SLOW}: 8.0x the throughput on newer, 8.0x on new"


def with_slots(
    run: Results, candidate: str, *, share: float = 0.99, slots: int = 8, cpu_s: float = 0.001
) -> Results:
    """A run whose baseline is at the bound of its slots."""
    served: ServedDeployment = replace(run.manifest.deployments[0], slots=slots)
    place: dict[str, Any] = {"scenario": "slow", "level": 64.0, "rate_rps": 40.0}
    bound = Bound(name="slots", rate_rps=40.0, reason="64 users for 8 slots, each held 201 ms by a request")
    return replace(
        run,
        manifest=replace(run.manifest, deployments=(served,)),
        rounds=(altered(ROUND, arm=BASELINE, **place),),
        summaries=(replace(SUMMARY, **place, bound=bound, bound_share=share, cpu_s_per_request=cpu_s),),
        comparisons=(one(candidate, 6.0, scenario="slow", level=64.0),),
    )


def test_threads_are_advised_where_the_baseline_is_at_the_bound_of_those_it_has(run: Results) -> None:
    def advise(results: Results) -> list[Advice]:
        return [each for each in find_advice(plan(), results) if each.change.get("threads")]

    (threads,) = advise(with_slots(run, "new"))
    assert threads.text == "Stay on old, with 64 threads instead of 8: up to 8.0x the rate"
    assert (threads.change, threads.effort, threads.outcome) == ({"threads": 64}, "setting", "not tried")
    assert threads.evidence == (
        "40.0/s at 64 users (`slow`), of 40.0/s at most: 64 users for 8 slots, each held 201 ms by a "
        "request; with more threads 318/s at most: 64 slots, each held 200 ms + 1.00 ms by a request"
    )
    (bounded,) = advise(with_slots(run, "new", cpu_s=0.01))
    assert bounded.gain == pytest.approx(2.5)
    for other in (
        with_slots(run, "new", share=0.8),  # something else limits it
        with_slots(run, "new", slots=4),  # the app itself has fewer
        replace(with_slots(run, "new"), comparisons=(WIDE,)),
    ):
        assert advise(other) == []
    same_server = plan().model_copy(
        update={
            "deployments": plan().deployments
            | {"newer": Deployment(app="app", server="gunicorn", threads=16)}
        }
    )
    assert not any("Stay" in each.text for each in find_advice(same_server, with_slots(run, "new")))
