from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcompare.diagnose.advice import advise, rank, rank_waiting
from portcompare.plan import Plan
from portcompare.plan.types import Origins
from portcompare.records.diagnosis import Advice, Blocking, Diagnosis, Effort, RouteTime, Waiting, Watched
from portcompare.report.sections.diagnosis import diagnosis_lines

PLAN = Plan.model_validate(
    {
        "origins": Origins(plan=Path("/nowhere/plan.toml")),
        "baseline": "flask",
        "candidates": ["quart"],
        "apps": {
            "flask": {"target": "app:app", "interface": "wsgi"},
            "quart": {"target": "port:app", "interface": "asgi"},
        },
        "deployments": {
            "flask": {"app": "flask", "server": "gunicorn"},
            "quart": {"app": "quart", "server": "hypercorn"},
            "two": {"app": "quart", "server": "hypercorn", "workers": 2},
            "sync": {"app": "flask", "server": "gunicorn-sync"},
            "wide": {"app": "flask", "server": "gunicorn", "threads": 64},
            "elsewhere": {"app": "flask", "url": "http://127.0.0.1:1"},
        },
        "scenarios": {
            "mix": {"request": {"path": "/"}, "load": {"users": [8, 64]}},
            "offered": {
                "request": {"path": "/"},
                "load": {"model": "open", "rates": [80], "connections": 64},
            },
        },
    }
)


def watched(deployment: str, cpu_s: float, scenario: str) -> Watched:
    """80 requests per second, of which each takes 0.8 s: 64 users."""
    return Watched(
        deployment=deployment,
        scenario=scenario,
        level="64 users",
        plain_rps=80.0,
        watched_rps=80.0,
        plain_p50_s=0.8,
        cpu_s_per_request=cpu_s,
        slots=None,
        probe_idle_s=0.001,
        probe_loaded_s=0.001,
    )


def route(deployment: str, scenario: str, name: str = "GET /", **parts: float) -> RouteTime:
    names = ("queued_s", "blocked_s", "waited_s", "upstream_s", "computed_s", "network_s")
    given: dict[str, Any] = dict.fromkeys(names, 0.0) | {"requests": 600} | parts
    return RouteTime(deployment=deployment, scenario=scenario, route=name, **given)


SITE = {"file": "shop/orders.py", "line": 41, "function": "orders", "route": "GET /"}
LINE = {**SITE, "call": "requests.get", "count": 600, "longest_s": 0.1, "reason": "waits for the network"}
QUEUE = {
    **SITE,
    "call": "asyncio.to_thread",
    "count": 600,
    "longest_s": 0.1,
    "share": 0.5,
    "reason": "6 of 6",
}
SLOTS = {"queued_s": 0.7, "upstream_s": 0.1}
LOOP = {"blocked_s": 0.7, "computed_s": 0.1}
INSIDE = {"waited_s": 0.6, "computed_s": 0.2}
THREADS = "Stay on flask, with 64 threads instead of 8"
MOVE = "Move requests.get at shop/orders.py:41 off the event loop"


def found(  # noqa: PLR0917 - what a case is made of
    deployment: str,
    parts: dict[str, Any],
    cpu_s: float = 0.001,
    blocking: tuple[dict[str, Any], ...] = (),
    waiting: tuple[dict[str, Any], ...] = (),
    scenario: str = "mix",
) -> Diagnosis:
    names: dict[str, Any] = {"deployment": deployment, "scenario": scenario}
    return Diagnosis(
        watched=(watched(deployment, cpu_s, scenario),),
        routes=(route(**names, **parts),),
        blocking=tuple(Blocking(**names, **{**LINE, **each}) for each in blocking),
        waiting=tuple(Waiting(**names, **{**QUEUE, **each}) for each in waiting),
    )


CASES = {
    "threads, of which each request waits for one": (
        found("flask", SLOTS),
        [f"{THREADS}: up to 8.0x the rate"],
    ),
    "no more than the CPU allows": (found("flask", SLOTS, 0.005), [f"{THREADS}: up to 2.5x the rate"]),
    "nothing where the CPU is the limit": (found("flask", SLOTS, 0.0125), []),
    "nothing where requests wait for something else": (found("flask", {"upstream_s": 0.8}), []),
    "nothing that gains less than a tenth": (found("flask", {"queued_s": 0.06, "upstream_s": 0.74}), []),
    "nothing of few requests": (found("flask", SLOTS | {"requests": 19}), []),
    "no threads for those that have as many": (found("wide", SLOTS), []),
    "no threads where the server has no such setting, and how many it handles is not known": (
        found("sync", SLOTS),
        [],
    ),
    "another server that has threads": (
        replace(found("sync", SLOTS), watched=(replace(watched("sync", 0.001, "mix"), slots=1),)),
        ["Serve sync by gunicorn with 64 threads: up to 8.0x the rate"],
    ),
    "no setting of a server that portcompare does not start": (found("elsewhere", SLOTS), []),
    "shorter responses where the rate is offered": (
        found("flask", SLOTS, 0.0125, scenario="offered"),
        [f"{THREADS}: up to 8.0x shorter responses"],
    ),
    "to move a line, or workers": (
        found("quart", LOOP, blocking=({"total_s": 7.4},)),
        ["Give quart 4 workers instead of 1: up to 4.0x the rate", f"{MOVE}: up to 8.0x the rate"],
    ),
    "workers by those that there are": (
        found("two", LOOP, blocking=({"total_s": 7.4},)),
        ["Give two 8 workers instead of 2: up to 4.0x the rate", f"{MOVE}: up to 8.0x the rate"],
    ),
    "of two lines each for its part": (
        found("quart", LOOP, blocking=({"total_s": 3.7}, {"total_s": 3.7, "line": 50})),
        [
            "Give quart 4 workers instead of 1: up to 4.0x the rate",
            f"{MOVE}: up to 1.9x the rate",
            f"{MOVE.replace('41', '50')}: up to 1.9x the rate",
        ],
    ),
    "nothing for a line that computes": (
        found("quart", LOOP, 0.0125, blocking=({"total_s": 7.4, "reason": "computes"},)),
        [],
    ),
    "nothing for a line that was glanced at": (found("quart", LOOP, blocking=({"total_s": 0.0},)), []),
    "no threads, which would wait for the same lock": (
        found("flask", SLOTS, waiting=({"kind": "lock", "total_s": 30.0},)),
        [],
    ),
    "no threads where the app handles fewer requests at once than there are": (
        replace(found("flask", SLOTS), watched=(replace(watched("flask", 0.001, "mix"), slots=1),)),
        [],
    ),
    "what threads are waited for": (
        found("quart", INSIDE, waiting=({"kind": "thread", "total_s": 360.0},)),
        [
            "Give quart 4 workers instead of 1: up to 4.0x the rate",
            "Enlarge the executor that shop/orders.py:41 waits for: up to 4.0x the rate",
        ],
    ),
    "a lock and a pool": (
        found(
            "quart",
            INSIDE,
            waiting=(
                {"kind": "lock", "total_s": 240.0},
                {"kind": "pool", "total_s": 120.0},
            ),
        ),
        [
            "Give quart 2 workers instead of 1: up to 2.0x the rate",
            "Hold for less time the lock that shop/orders.py:41 waits for: up to 2.0x the rate",
            "Enlarge the pool that shop/orders.py:41 waits for: up to 1.3x the rate",
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_diagnosis_advises(case: str) -> None:
    diagnosis, texts = CASES[case]
    assert [one.text for one in advise(PLAN, diagnosis, cpus=8)] == texts


def test_advice_has_its_evidence_and_what_is_to_be_changed() -> None:
    (threads,) = advise(PLAN, found("flask", SLOTS), cpus=1)
    assert threads.evidence == "requests wait 87.5% of 800 ms for a thread; 80.0/s at 64 users (mix)"
    assert (threads.change, threads.effort, threads.outcome) == ({"threads": 64}, "setting", "not tried")
    workers, move = advise(PLAN, found("quart", LOOP, blocking=({"total_s": 7.4},)), cpus=1)
    assert workers.change == {"workers": 4}
    assert (move.change, move.effort) == ({}, "code")
    held = "requests.get held up the event loop 600 times, 7.40 s in all"
    assert move.evidence == f"{held}; 80.0/s at 64 users (mix)"
    # CPUs limit workers: eight of them need as many.
    cpu_bound = found("quart", LOOP, 0.006, blocking=({"total_s": 70.0},))
    assert [round(advise(PLAN, cpu_bound, cpus)[0].gain, 1) for cpus in (1, 8)] == [2.1, 4.0]


def test_the_routes_to_port_first_are_those_that_hold_most_of_the_waiting() -> None:
    held_s = {"GET /a": 0.3, "GET /b": 0.02, "GET /c": 0.1, "GET /d": 0.0}
    routes = [
        route("flask", "mix", name, queued_s=0.7, upstream_s=each_s, computed_s=0.001, weight=0.25)
        for name, each_s in held_s.items()
    ]
    diagnosis = replace(found("flask", SLOTS), routes=rank_waiting(routes))
    threads, port = advise(PLAN, diagnosis, cpus=1)
    assert threads.text.startswith(THREADS)
    assert port.text.startswith("Port 2 of 4 routes first: up to ")
    assert port.evidence.startswith("GET /a, GET /c hold 95.2% of the waiting in handlers")
    lines = list(diagnosis_lines(diagnosis))
    first = lines[lines.index("Which routes to port first") + 1]
    assert first == "  2 of 4 routes hold 95.2% of the waiting: GET /a, GET /c [flask, mix]"
    shown = [line for line in lines if "of all waiting" in line]
    assert [line.rpartition(", ")[2] for line in shown] == ["GET /a]", "GET /c]", "GET /b]"]
    assert "Which routes to port first" not in list(diagnosis_lines(found("flask", SLOTS)))


def test_advice_is_ranked_by_gain_over_effort_three_at_most_and_the_same_once() -> None:
    def one(text: str, gain: float, effort: Effort, **change: str | int) -> Advice:
        return Advice(
            text=text, evidence="", gain=gain, effort=effort, deployment="a", scenario="s", change=change
        )

    ranked = rank(
        [
            one("move: 8x", 8.0, "code"),
            one("move: 9x", 9.0, "code"),
            one("16 threads: 1.5x", 1.5, "setting", threads=16),
            one("32 threads: 2x", 2.0, "setting", threads=32),
            one("server: 8x", 8.0, "deployment", server="uvicorn"),
            one("little: 1.09x", 1.09, "setting"),
            one("other: 2x", 2.0, "code"),
        ]
    )
    assert [each.text for each in ranked] == ["server: 8x", "32 threads: 2x", "move: 9x"]
