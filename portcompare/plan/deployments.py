"""What can be wrong with a deployment by itself, with its app, or with the server that it names."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from portcompare.errors import Problem
from portcompare.plan.names import remedy_for_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    """Check a deployment.

    Args:
        where: Its place in the plan.
        deployment: Its raw table.
        apps: The raw tables of the apps by name.
        servers: For each server its interfaces, and for each interface the knobs it has.

    Yields:
        What is wrong.
    """
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

    Args:
        command: The command line.

    Returns:
        What was found and what to do; None if it is in order.
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

    Args:
        url: The address.

    Returns:
        What was found, without passwords, and what to do; None if it is in order.
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
