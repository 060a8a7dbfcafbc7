"""Which servers a first plan has: what the app's interpreter has installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.serve import SERVERS

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from portcompare.discover.records import Framework

PREFERRED: dict[Framework, tuple[str, ...]] = {
    "flask": ("gunicorn", "waitress"),
    "quart": ("uvicorn", "hypercorn"),
}
"""The servers that are looked for, the most usual first; hypercorn comes with Quart."""

WITHOUT_PORTING = "gunicorn-gevent"
"""What serves many Flask requests at once without a port."""

INTERFACES = {"flask": "wsgi", "quart": "asgi"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A server for an app.

    Attributes:
        server: Its name.
        missing: The distributions that are still to be installed for it.
    """

    server: str
    missing: tuple[str, ...]


def choose_server(framework: Framework, installed: AbstractSet[str]) -> Choice:
    """Choose a server for an app.

    Args:
        framework: What it is an app of.
        installed: The distributions that its interpreter has.

    Returns:
        The first of those usual that is installed, or the most usual.
    """
    choices = [look_at_server(name, installed) for name in PREFERRED[framework]]
    return next((choice for choice in choices if not choice.missing), choices[0])


def look_at_server(name: str, installed: AbstractSet[str]) -> Choice:
    """See what a server lacks to be run.

    Args:
        name: The server.
        installed: The distributions that the app's interpreter has.

    Returns:
        The server and what is missing.
    """
    return Choice(server=name, missing=tuple(need for need in _needs(name) if need not in installed))


def _needs(name: str) -> tuple[str, ...]:
    server = SERVERS[name]
    has_uvloop = any(serving.defaults.loop == "uvloop" for serving in server.interfaces.values())
    return (*server.distributions, *(("uvloop",) if has_uvloop else ()))
