"""What can be wrong with a deployment by itself, with its app, or with the server that it names."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from portcompare.errors import Problem
from portcompare.plan.types import remedy_for_unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portcompare.plan.apps import App, Deployment
    from portcompare.plan.schema import Plan
    from portcompare.plan.types import Origins


if TYPE_CHECKING:
    Servers = Mapping[str, Mapping[str, frozenset[str]]]
    Table = Mapping[str, Any]

KINDS = ("server", "command", "url")
KNOBS = frozenset({"workers", "threads", "loop", "keep_alive_s", "backlog"})

_NOT_SET = {"command": KNOBS, "url": KNOBS | {"environment", "port"}}
"""What a deployment cannot turn, by its kind."""

_WHY_NOT = {
    "command": "remove it, and say it in the command; portcompare does not know how",
    "url": "remove it; that server is started by somebody else",
}


def find_deployment_problems(
    where: str, deployment: Table, apps: Mapping[str, Table], servers: Servers
) -> Iterator[Problem]:
    """Check a deployment."""
    app = deployment.get("app")
    if isinstance(app, str) and app not in apps:
        yield Problem(
            where=f"{where}.app", found=f"there is no app {app!r}", remedy=remedy_for_unknown(app, apps)
        )
    kinds = [kind for kind in KINDS if kind in deployment]
    if len(kinds) != 1:
        found = f"has {' and '.join(f'`{kind}`' for kind in kinds)}" if kinds else "says not what serves it"
        yield Problem(
            where=where,
            found=found,
            remedy="give exactly one of `server` (with an app), `command` and `url`",
        )
        return
    (kind,) = kinds
    for key in sorted(_NOT_SET.get(kind, frozenset()) & deployment.keys()):
        yield Problem(
            where=f"{where}.{key}",
            found=f"cannot be set where `{kind}` says what serves",
            remedy=_WHY_NOT[kind],
        )
    value = deployment[kind]
    if not isinstance(value, str):
        return  # told by its type
    if kind == "server":
        yield from _server_problems(where, deployment, apps, servers)
        return
    reason = why_no_command(value) if kind == "command" else why_no_url(value)
    if reason:
        found, remedy = reason
        yield Problem(where=f"{where}.{kind}", found=found, remedy=remedy)


def _server_problems(
    where: str, deployment: Table, apps: Mapping[str, Table], servers: Servers
) -> Iterator[Problem]:
    server, name = deployment["server"], deployment.get("app")
    if name is None:
        yield Problem(
            where=f"{where}.app", found="is missing", remedy="name the app that the server is to serve"
        )
    app = apps.get(name, {}) if isinstance(name, str) else {}
    if app and "target" not in app:
        yield Problem(
            where=f"{where}.app",
            found=f"the app {name!r} has no target that {server} could serve",
            remedy=f"add `target` and `interface` to the table of {name!r} in [apps], "
            "or give a `command` instead of the server",
        )
    if server not in servers:
        yield Problem(
            where=f"{where}.server",
            found=f"there is no server {server!r}",
            remedy=f"{remedy_for_unknown(server, servers)}; "
            "any other is started by a `command`, with `{port}` where the port stands",
        )
        return
    interface = app.get("interface")
    if interface not in ("wsgi", "asgi"):
        return
    if interface not in servers[server]:
        yield Problem(
            where=f"{where}.server",
            found=f"{server} does not serve {interface} apps",
            remedy="servers that do: " + ", ".join(sorted(s for s in servers if interface in servers[s])),
        )
        return
    for knob in sorted((KNOBS & deployment.keys()) - servers[server][interface]):
        yield Problem(
            where=f"{where}.{knob}",
            found=f"{server} has no such knob for {interface} apps",
            remedy="remove it; it has: " + ", ".join(sorted(servers[server][interface])),
        )


def why_no_command(command: str) -> tuple[str, str] | None:
    """Find out what is wrong with a command that is to serve.

    Returns what was found and what to do; None if it is in order.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        return f"cannot be split into words as a shell would: {error}", "quote it as for a shell"
    if not words:
        return "is empty", "write the program and its arguments"
    if not any("{port}" in word for word in words):
        return (
            "does not say where the port goes",
            "put `{port}` where the server is told its port: each arm and block gets a free one",
        )
    return None


def why_no_url(url: str) -> tuple[str, str] | None:
    """Find out what is wrong with the address of a server.

    Returns what was found, without passwords, and what to do; None if it is in order.
    """
    shape = "write http://HOST:PORT or https://HOST:PORT"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"is no address: {error}", shape
    if parts.username is not None:
        return "names a user", f"{shape}, and send an Authorization header with the requests"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return f"{url!r} is not the address of a server", shape
    if not url.isascii() or any(character.isspace() for character in url):
        return f"{url!r} holds characters that no address has", shape
    if parts.path.strip("/") or parts.query or parts.fragment:
        return (
            f"{url!r} goes on after the port",
            f"{shape}; paths belong to the requests, and are sent to all deployments alike",
        )
    return None


if TYPE_CHECKING:
    AnyTable = Mapping[str, Any]

_UPSTREAM: Final = re.compile(r"\{upstream\.([^{}]+)\}")


def find_upstreams(plan: Plan) -> tuple[str, ...]:
    """Find the deployments that the environments of a plan's arms name."""
    values = (
        value
        for arm in plan.arms
        for section in (plan.app_of(arm.deployment), plan.deployments[arm.deployment])
        for value in section.environment.values()
    )
    # Others there are in faulty plans alone, which are checked further all the same.
    return tuple(name for name in _named_in(values) if name in plan.deployments)


def with_addresses(plan: Plan, addresses: Mapping[str, str]) -> Plan:
    """Put addresses in the place of the upstreams' names."""

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
    origins: Origins, arms: Iterable[str], apps: Mapping[str, AnyTable], deployments: Mapping[str, AnyTable]
) -> Iterator[Problem]:
    """Check the upstreams that environments name."""
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
    name: str, measured: set[str], apps: Mapping[str, AnyTable], deployments: Mapping[str, AnyTable]
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


def _variables(section: AnyTable) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The variables of a table's environment, each with the upstreams that it names."""
    environment = section.get("environment")
    for variable, value in environment.items() if isinstance(environment, dict) else ():
        if isinstance(value, str):
            yield variable, _named_in([value])


def _named_in(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for value in values for name in _UPSTREAM.findall(value)))
