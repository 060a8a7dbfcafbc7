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
    """An app, as it was found by reading.

    Attributes:
        framework: What it is an app of.
        file: The file that makes it.
        line: The line there.
        name: The object's name, or the factory's.
        is_factory: Whether it is a function that makes the app.
        needs: The arguments that a factory cannot be called without.
    """

    framework: Framework
    file: Path
    line: int
    name: str
    is_factory: bool = False
    needs: tuple[str, ...] = ()

    def target(self, module: str) -> str:
        """What a plan calls it.

        Args:
            module: The name by which its file is imported.

        Returns:
            `module:object` or `module:factory()`.
        """
        return f"{module}:{self.name}{'()' if self.is_factory else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an app's file can be imported from.

    Attributes:
        directory: The working directory.
        pythonpath: The folders to import from beside it.
        module: The file's name there.
    """

    directory: Path
    pythonpath: tuple[Path, ...] = ()
    module: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A line of an app's route table.

    Attributes:
        rule: The rule, such as `/items/<int:item_id>`.
        endpoint: What the app calls it.
        methods: All methods it answers.
        converters: Each parameter of the path and the kind of its values, such as "int".
        path: A path that leads to it, made up where it has parameters; None if none could be made up.
    """

    rule: str
    endpoint: str
    methods: tuple[str, ...]
    converters: dict[str, str]
    path: str | None

    @property
    def is_static(self) -> bool:
        """Whether it serves the files of a static folder, the app's or a blueprint's."""
        return self.endpoint.rpartition(".")[2] == "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundApp:
    """An app that was imported, as far as that was possible.

    Attributes:
        sighting: Where it was found.
        place: Where it is imported from.
        python: The interpreter.
        routes: Its route table; empty if it could not be imported.
        installed: The distributions that the interpreter has, in lower case.
        problem: Why it could not be imported; empty if it was.
    """

    sighting: Sighting
    place: Place
    python: Path
    routes: tuple[Route, ...] = ()
    installed: frozenset[str] = frozenset()
    problem: str = ""

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
    """What was found in a project.

    Attributes:
        project: Its folder.
        baseline: The Flask app.
        candidate: The Quart app; None if there is none.
        others: Apps that were not chosen, the likeliest first.
        openapi: OpenAPI documents among its files, the nearest first.
        notes: What else should be told.
    """

    project: Path
    baseline: FoundApp
    candidate: FoundApp | None
    others: tuple[Sighting, ...]
    openapi: tuple[Path, ...]
    notes: tuple[str, ...]
