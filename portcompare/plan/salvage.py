"""What of a faulty plan is sound, so that its apps, ports and scenarios can be checked all the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from portcompare.plan.apps import App, Deployment
from portcompare.plan.deployments import find_deployment_problems
from portcompare.plan.scenarios import Scenario
from portcompare.plan.schema import Cpus, Plan

if TYPE_CHECKING:
    from portcompare.plan.deployments import Servers
    from portcompare.plan.origins import Origins

Section = TypeVar("Section", bound=BaseModel)


def salvage(origins: Origins, data: dict[str, Any], servers: Servers) -> Plan | None:
    """Put together what is sound in a faulty plan.

    Args:
        origins: The files the tables stand in.
        data: The plan's raw tables.
        servers: For each server its interfaces, and for each interface the knobs it has.

    Returns:
        A plan that can be checked further but not run; None if it has no sound arm.
    """
    apps = _sound(App, data.get("apps"))
    raw = {key: data.get(key, {}) for key in ("apps", "deployments")}
    raw_apps = {name: raw["apps"][name] for name in apps}
    deployments = {
        name: deployment
        for name, deployment in _sound(Deployment, raw["deployments"]).items()
        if not any(find_deployment_problems(name, raw["deployments"][name], raw_apps, servers))
    }
    candidates = data.get("candidates")
    named = [data.get("baseline"), *(candidates if isinstance(candidates, list) else [])]
    arms = [name for name in named if isinstance(name, str) and name in deployments]
    if not arms:
        return None
    locustfile = data.get("locustfile")
    default = Plan.model_fields["locustfile"].default
    return Plan.model_construct(
        locustfile=Path(locustfile) if isinstance(locustfile, str) else default,
        baseline=arms[0],
        candidates=list(dict.fromkeys(arms[1:])),
        apps=apps,
        deployments=deployments,
        scenarios=_sound(Scenario, data.get("scenarios")),
        cpus=_sound(Cpus, {"cpus": data.get("cpus", {})}).get("cpus", Cpus()),
        path=origins.plan,
        included=dict(origins.included),
        inline=dict(origins.inline),
    )


def _sound(section: type[Section], tables: object) -> dict[str, Section]:
    """Those of the tables that hold no fault of their own."""
    found = {}
    for name, table in tables.items() if isinstance(tables, dict) else ():
        try:
            found[name] = section.model_validate(table)
        except ValidationError:
            continue  # told already
    return found
