"""Where an app is imported from: its folders, its interpreter."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.discover.records import Place

if TYPE_CHECKING:
    from collections.abc import Mapping


def import_places(file: Path, project: Path) -> tuple[Place, ...]:
    """Where a file can be imported from.

    Args:
        file: The file.
        project: The project's folder.

    Returns:
        The ways to import it, the likeliest first.
    """
    parts = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    module = ".".join(parts)
    if folder == project or project not in folder.parents:
        return (Place(directory=folder, module=module),)
    inside = folder.relative_to(project).parts
    # Where the folder holds sources and nothing else, what the app opens lies beside that folder.
    beside = folder.parent if folder.name == "src" else project
    aside = Place(directory=beside, pythonpath=(folder,), module=module)
    within = Place(directory=folder, module=module)
    if folder.name == "src":
        return aside, within
    is_importable = all(part.isidentifier() for part in inside)
    whole = Place(directory=project, module=".".join([*inside, *parts]))
    return (within, *([whole] if is_importable else []), aside)


def find_python(folder: Path, project: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Find the interpreter that an app is meant to run in.

    A virtual environment of the app's own side comes before the active one, and that before the project's.

    Args:
        folder: Where the app is imported from.
        project: The project's folder.
        environment: The environment variables; `VIRTUAL_ENV` names the active one.

    Returns:
        The interpreter; that of portcompare itself if there is no other.
    """
    own = Path(sys.prefix).resolve()
    active = environment.get("VIRTUAL_ENV", "")
    # portcompare's own being active says nothing about the app.
    actives = [Path(active)] if active and Path(active).resolve() != own else []
    sides = [] if folder == project else [folder, *folder.parents]
    inner = sides[: sides.index(project)] if project in sides else []
    for home in (*_homes(inner), *actives, *_homes([project])):
        python = home / "bin" / "python"
        if python.exists():
            return Path(sys.executable) if home.resolve() == own else python
    return Path(sys.executable)


def _homes(folders: list[Path]) -> list[Path]:
    return [folder / name for folder in folders for name in (".venv", "venv")]
