"""What a port is made of."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PortedRoute:
    """What becomes of a route."""

    rule: str
    methods: tuple[str, ...]
    view: str  # the name of its function
    place: str  # its file and line
    outcome: str  # async, in a thread, by hand
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is left by hand, and why."""

    why: str
    place: str  # the file and line of the source


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """The port of a project."""

    files: Mapping[str, bytes]  # those that change or are new, by path within the project
    app: str  # the module that makes the app
    routes: tuple[PortedRoute, ...]
    left: tuple[Left, ...]
    lines: Mapping[str, tuple[int, int]]  # how many were removed and added, by file
    requirements: tuple[str, ...]  # the packages that it imports and the project may lack
