"""A plan for tests of measuring: nothing in it is ever started."""

from __future__ import annotations

from pathlib import Path

from portcompare.plan import Plan, Scenario


def make_plan(**rounds: float) -> Plan:
    """A plan with two candidates and three levels, and these keys in [rounds]."""
    return Plan.model_validate(
        {
            "path": Path("/nowhere/plan.toml"),
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
