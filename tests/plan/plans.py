"""A small plan that is right, to be spoilt by tests, and servers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.errors import InputError, Problem
from portcompare.plan import load_plan

if TYPE_CHECKING:
    from pathlib import Path

SERVERS = {
    "gunicorn": {"wsgi": frozenset({"workers", "threads", "keep_alive_s", "backlog"})},
    "gunicorn-sync": {"wsgi": frozenset({"workers", "backlog"})},
    "gunicorn-gevent": {"wsgi": frozenset({"workers", "keep_alive_s", "backlog"})},
    "waitress": {"wsgi": frozenset({"threads", "backlog"})},
    "hypercorn": {
        "wsgi": frozenset({"workers", "backlog"}),
        "asgi": frozenset({"workers", "loop", "backlog"}),
    },
    "uvicorn": {"asgi": frozenset({"workers", "loop", "keep_alive_s", "backlog"})},
    "granian": {
        "wsgi": frozenset({"workers", "threads", "backlog"}),
        "asgi": frozenset({"workers", "loop", "backlog"}),
    },
}

GOOD = """\
baseline = "old"
candidates = ["new"]

[apps.flask]
target = "service.app:app"
interface = "wsgi"

[apps.quart]
target = "port.app:app"
interface = "asgi"

[deployments.old]
app = "flask"
server = "gunicorn"

[deployments.new]
app = "quart"
server = "hypercorn"

[scenarios.fast]
request = { path = "/data" }
load = { users = [1] }
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def spoilt(old: str, new: str) -> str:
    """The good plan with one place changed, which must be there."""
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        load_plan(path, SERVERS)
    return caught.value.problems
