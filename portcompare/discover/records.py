"""What is found in a project."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Framework = Literal["flask", "quart"]

CHANGING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""What an app is never asked without being told to: it may change somebody's data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An app, as it was found by reading."""

    framework: Framework  # What it is an app of
    file: Path  # The file that makes it
    line: int  # The line there
    name: str  # The object's name, or the factory's
    is_factory: bool = False  # Whether it is a function that makes the app
    needs: tuple[str, ...] = ()  # The arguments that a factory cannot be called without

    def target(self, module: str) -> str:
        """What a plan calls it."""
        return f"{module}:{self.name}{'()' if self.is_factory else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an app's file can be imported from."""

    directory: Path  # The working directory
    pythonpath: tuple[Path, ...] = ()  # The folders to import from beside it
    module: str  # The file's name there


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A line of an app's route table."""

    rule: str  # The rule, such as `/items/<int:item_id>`
    endpoint: str  # What the app calls it
    methods: tuple[str, ...]  # All methods it answers
    converters: dict[str, str]  # Each parameter of the path and the kind of its values, such as "int"
    # A path that leads to it, made up where it has parameters; None if none could be made up
    path: str | None

    @property
    def is_static(self) -> bool:
        """Whether it serves the files of a static folder, the app's or a blueprint's."""
        return self.endpoint.rpartition(".")[2] == "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundApp:
    """An app that was imported, as far as that was possible."""

    sighting: Sighting  # Where it was found
    place: Place  # Where it is imported from
    python: Path  # The interpreter
    routes: tuple[Route, ...] = ()  # Its route table; empty if it could not be imported
    installed: frozenset[str] = frozenset()  # The distributions that the interpreter has, in lower case
    problem: str = ""  # Why it could not be imported; empty if it was

    @property
    def target(self) -> str:
        """What a plan calls it."""
        return self.sighting.target(self.place.module)

    @property
    def runs_in_ours(self) -> bool:
        """Whether its interpreter is portcompare's own, so that no plan need name it."""
        return str(self.python) == sys.executable


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in a project."""

    project: Path  # Its folder
    baseline: FoundApp  # The Flask app
    candidate: FoundApp | None  # The Quart app; None if there is none
    others: tuple[Sighting, ...]  # Apps that were not chosen, the likeliest first
    openapi: tuple[Path, ...]  # OpenAPI documents among its files, the nearest first
    notes: tuple[str, ...]  # What else should be told
