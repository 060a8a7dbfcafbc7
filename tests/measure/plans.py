"""Plans, a manifest and a round for tests of measuring: nothing is ever started."""

from dataclasses import replace
from pathlib import Path

from portcompare.plan import Page, Plan, Scenario
from portcompare.plan.types import Origins
from portcompare.records.manifest import Manifest, ServedDeployment
from portcompare.wire.protocol import RoundDone
from tests.analyse.samples import ROUND

ARMS = ("baseline", "control", "new", "newer")
DONE = RoundDone(
    load=replace(ROUND.load, requests=400, rate_rps=500.0, error_kinds={"timeout": 2, "refused": 3}),
    histogram="SElTVEZBQUFB",
)


def make_plan(**rounds: float) -> Plan:
    """A plan with two candidates and three levels, and these keys in [rounds]."""
    return Plan.model_validate(
        {
            "origins": Origins(plan=Path("/nowhere/plan.toml")),
            "name": "test",
            "baseline": "old",
            "candidates": ["new", "newer"],
            "apps": {"app": {"target": "service:app", "interface": "wsgi"}},
            "deployments": {name: {"app": "app", "server": "gunicorn"} for name in ("old", "new", "newer")},
            "scenarios": {
                "fast": {"request": {"path": "/"}, "load": {"users": [1, 8]}},
                "slow": {"request": {"path": "/"}, "delay_s": 0.2, "seconds": 2.5, "load": {"users": [64]}},
            },
            "rounds": rounds,
        }
    )


def add_open(plan: Plan) -> Plan:
    """The plan with an open scenario beside the others."""
    load = {"model": "open", "rates": [400], "arrivals": "even", "connections": 32}
    scenario = Scenario.model_validate({"request": {"path": "/"}, "load": load})
    return plan.model_copy(update={"scenarios": plan.scenarios | {"open": scenario}})


def paged(**rounds: float) -> Plan:
    pages = {
        "idle": Page.model_validate({"path": "/?delay=1"}),
        "busy": Page.model_validate({"path": "/", "scenario": "slow", "users": 64, "loads": 2}),
    }
    return make_plan(**rounds).model_copy(update={"pages": pages})


def make_manifest() -> Manifest:
    deployments = tuple(
        ServedDeployment(
            name=name, server="s", command=(), environment={}, settings={}, slots=None, cpus=(0,), versions={}
        )
        for name in ("old", "new")
    )
    return Manifest(
        **dict.fromkeys(Manifest.__slots__, "")
        | {  # type: ignore[arg-type]
            "cpu_count": 2,
            "memory_bytes": 1,
            "load_average": 0.0,
            "generator_cpus": (1,),
            "libraries": {},
            "deployments": deployments,
            "differences": (),
            "upstreams": (),
            "steadiness": None,
        }
    )
