from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from portcompare.plan.load import salvage
from portcompare.plan.types import Origins

SERVERS: dict[str, dict[str, frozenset[str]]] = {"gunicorn": {"wsgi": frozenset()}}
ORIGINS = Origins(plan=Path("plans/plan.toml"), included={("apps", "site"): Path("plans/apps.toml")})
DEPLOYMENT = {"app": "site", "server": "gunicorn"}
DATA: dict[str, Any] = {
    "baseline": "old",
    "candidates": ["new"],
    "locustfile": "users.py",
    "apps": {"site": {"target": "site:app", "interface": "wsgi"}},
    "deployments": {"old": DEPLOYMENT, "new": DEPLOYMENT},
    "scenarios": {"front": {"user": "Front", "load": {"users": [1]}}},
    "cpus": {"server": [0]},
}


def test_a_sound_plan_is_kept_whole() -> None:
    plan = salvage(ORIGINS, DATA, SERVERS)
    assert plan is not None
    assert [arm.deployment for arm in plan.arms] == ["old", "old", "new"]
    assert list(plan.scenarios) == ["front"]
    assert plan.cpus.server == [0]
    assert plan.resolve(plan.locustfile) == Path("plans/users.py").resolve()
    assert plan.where("apps", "site", "target") == "plans/apps.toml: apps.site.target"


@pytest.mark.parametrize(
    "fault",
    [
        {"deployments": {"old": DEPLOYMENT, "new": DEPLOYMENT | {"threads": "many"}}},
        {"deployments": {"old": DEPLOYMENT, "new": DEPLOYMENT | {"server": "apache"}}},
        {"deployments": {"old": DEPLOYMENT, "new": DEPLOYMENT | {"app": "nothing"}}},
        {"candidates": ["nobody", 3]},
        {"candidates": "new"},
    ],
)
def test_a_faulty_arm_is_left_out(fault: dict[str, Any]) -> None:
    plan = salvage(ORIGINS, DATA | fault, SERVERS)
    assert plan is not None
    assert [arm.deployment for arm in plan.arms] == ["old", "old"]


@pytest.mark.parametrize(
    "fault",
    [
        {"apps": {"site": {"target": "site", "interface": "wsgi"}}},
        {"apps": 3},
        {"deployments": {}},
    ],
)
def test_without_a_sound_arm_nothing_remains(fault: dict[str, Any]) -> None:
    assert salvage(ORIGINS, DATA | fault, SERVERS) is None


def test_faulty_scenarios_and_cpus_are_left_out() -> None:
    plan = salvage(ORIGINS, DATA | {"scenarios": {"front": {"user": 3}}, "cpus": {"server": "all"}}, SERVERS)
    assert plan is not None
    assert plan.scenarios == {}
    assert plan.cpus.server is None
