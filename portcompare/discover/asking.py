"""Asking an app for its route table, in the interpreter that it is meant to run in."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from portcompare.discover.places import find_python, import_places
from portcompare.discover.records import FoundApp, Route
from portcompare.serve import start_supervised
from portcompare.serve.interpreters import ANSWER_LIMIT_S
from portcompare.serve.surroundings import Surroundings

if TYPE_CHECKING:
    from portcompare.discover.records import Place, Sighting

_NOT_DONE = f"not done after {ANSWER_LIMIT_S:g} s"

_PROBE = Path(__file__).with_name("probe.py")


def ask_app(sighting: Sighting, project: Path) -> FoundApp:
    """Import an app and have it tell its routes.

    Args:
        sighting: The app; one that cannot be imported from one place is tried from the next.
        project: The project's folder.

    Returns:
        The app with its routes, or with what went wrong at its likeliest place.
    """
    python = find_python(sighting.file.parent, project)
    places = import_places(sighting.file, project)
    if sighting.needs:
        problem = f"{sighting.name} cannot be called without {', '.join(sighting.needs)}"
        return FoundApp(sighting=sighting, place=places[0], python=python, problem=problem)
    asked = []
    for place in places:
        app = _ask(sighting, place, python)
        if not app.problem:
            return app
        asked.append(app)
        if app.problem == _NOT_DONE:
            break  # what hangs here hangs elsewhere
    return asked[0]


def _ask(sighting: Sighting, place: Place, python: Path) -> FoundApp:
    asked = FoundApp(sighting=sighting, place=place, python=python)
    # In what its server will run.
    surroundings = Surroundings(
        directory=place.directory,
        python=str(python),
        import_folders=tuple(map(str, place.pythonpath)),
        added={},
    )
    with TemporaryDirectory(prefix="portcompare-") as folder:
        reply = Path(folder, "reply.json")
        probe = start_supervised(
            [str(python), str(_PROBE), str(reply), asked.target],
            directory=place.directory,
            environment=surroundings.environment("init"),
            cpus=os.sched_getaffinity(0),
            log_path=Path(folder, "log"),
        )
        try:
            status = probe.wait(ANSWER_LIMIT_S)
            said = probe.log_tail(1)
        finally:
            probe.stop()
        if status == 0 and reply.exists():
            return _read_reply(asked, json.loads(reply.read_text(encoding="utf-8")))
    ended = said or f"importing it ended with status {status}"
    return replace(asked, problem=_NOT_DONE if status is None else ended)


def _read_reply(asked: FoundApp, told: dict[str, Any]) -> FoundApp:
    routes = (Route(**route | {"methods": tuple(route["methods"])}) for route in told["routes"])
    return replace(asked, routes=tuple(routes), installed=frozenset(told["installed"]))
