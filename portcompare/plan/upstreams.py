"""`{upstream.NAME}` in environments: deployments that arms depend on, and that are served beside them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from portcompare.errors import Problem
from portcompare.plan.names import remedy_for_unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portcompare.plan.apps import App, Deployment
    from portcompare.plan.origins import Origins
    from portcompare.plan.schema import Plan

    Table = Mapping[str, Any]

_UPSTREAM: Final = re.compile(r"\{upstream\.([^{}]+)\}")


def find_upstreams(plan: Plan) -> tuple[str, ...]:
    """Find the deployments that the environments of a plan's arms name.

    Args:
        plan: The plan.

    Returns:
        Their names, each once.
    """
    values = (
        value
        for arm in plan.arms
        for section in (plan.app_of(arm.deployment), plan.deployments[arm.deployment])
        for value in section.environment.values()
    )
    # Others there are in faulty plans alone, which are checked further all the same.
    return tuple(name for name in _named_in(values) if name in plan.deployments)


def with_addresses(plan: Plan, addresses: Mapping[str, str]) -> Plan:
    """Put addresses in the place of the upstreams' names.

    Args:
        plan: The plan.
        addresses: The address of each upstream by its name.

    Returns:
        A plan like it, whose environments name none of these upstreams any more.
    """

    def fill(match: re.Match[str]) -> str:
        return addresses.get(match[1], match[0])

    def filled(section: App | Deployment) -> dict[str, dict[str, str]]:
        return {
            "environment": {name: _UPSTREAM.sub(fill, value) for name, value in section.environment.items()}
        }

    return plan.model_copy(
        update={
            "apps": {name: app.model_copy(update=filled(app)) for name, app in plan.apps.items()},
            "deployments": {
                name: deployment.model_copy(update=filled(deployment))
                for name, deployment in plan.deployments.items()
            },
        }
    )


def find_upstream_problems(
    origins: Origins, arms: Iterable[str], apps: Mapping[str, Table], deployments: Mapping[str, Table]
) -> Iterator[Problem]:
    """Check the upstreams that environments name.

    Args:
        origins: The files the tables stand in.
        arms: The deployments that are arms.
        apps: The raw tables of the apps by name.
        deployments: The raw tables of the deployments by name.

    Yields:
        What is wrong.
    """
    measured = set(arms)
    for table, sections in (("apps", apps), ("deployments", deployments)):
        for section, content in sections.items():
            for variable, names in _variables(content):
                for name in names:
                    reason = _why_no_upstream(name, measured, apps, deployments)
                    if reason:
                        found, remedy = reason
                        where = origins.where(table, section, "environment", variable)
                        yield Problem(where=where, found=found, remedy=remedy)


def _why_no_upstream(
    name: str, measured: set[str], apps: Mapping[str, Table], deployments: Mapping[str, Table]
) -> tuple[str, str] | None:
    if name not in deployments:
        return f"there is no deployment {name!r}", remedy_for_unknown(name, deployments)
    if name in measured:
        return (
            f"the upstream {name!r} is measured itself",
            "give the upstream a deployment of its own, which is neither baseline nor candidate",
        )
    app = deployments[name].get("app")
    own = [deployments[name], apps.get(app, {}) if isinstance(app, str) else {}]
    if any(names for section in own for _, names in _variables(section)):
        return f"the upstream {name!r} has an upstream itself", "give it an app that has none"
    return None


def _variables(section: Table) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The variables of a table's environment, each with the upstreams that it names."""
    environment = section.get("environment")
    for variable, value in environment.items() if isinstance(environment, dict) else ():
        if isinstance(value, str):
            yield variable, _named_in([value])


def _named_in(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for value in values for name in _UPSTREAM.findall(value)))
