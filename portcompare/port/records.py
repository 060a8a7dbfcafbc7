"""What is found in a project, and what a port is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from portcompare.port.sources import Scope, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a function is treated as it is, and the place that shows it."""

    why: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.why} ({self.path}:{self.line})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route, as far as its text says."""

    rule: str
    methods: tuple[str, ...]
    view: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that a function does at a place."""

    # "runs": without a call, by an attribute or an operator
    kind: Literal["await", "async with", "lock", "wait", "blocks", "calls", "runs", "streams", "by hand"]
    site: Site
    what: str = ""  # what it waits for, what replaces it, or the method whose result a `with` enters
    of: str = ""  # the kind of its object
    callees: tuple[Scope, ...] = ()
    is_guess: bool = False  # whether it may call others as well
    is_complete: bool = False  # whether nothing that blocks is left when it has returned


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
    app: str  # how a server imports the app
    routes: tuple[PortedRoute, ...]
    left: tuple[Left, ...]
    lines: Mapping[str, tuple[int, int]]  # how many were removed and added, by file
    requirements: tuple[str, ...]  # the packages that it imports and the project may lack
