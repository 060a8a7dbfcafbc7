"""A small plan that is right, to be changed by tests."""

from pathlib import Path

import pytest

from portcompare.errors import InputError, Problem
from portcompare.plan import Plan, load_plan
from portcompare.serve.servers import vocabulary

SERVERS = vocabulary()

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

SCENARIO = GOOD[GOOD.index("[scenarios.fast]") :]
BEFORE = GOOD.removesuffix(SCENARIO)
LOAD = "load = { users = [1] }"
LISTED = "`portcompare run --help` lists each key with its type"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def changed(old: str, new: str) -> str:
    """The good plan with one place changed, which must be there."""
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def load(folder: Path, text: str) -> Plan:
    return load_plan(write(folder / "plan.toml", text), SERVERS)


def problems_of(folder: Path, text: str) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        load(folder, text)
    return list(caught.value.problems)


def problem_of(folder: Path, text: str, key: str) -> Problem:
    """The only problem, which is of this key."""
    (problem,) = problems_of(folder, text)
    assert problem.where == f"{folder}/plan.toml: {key}"
    return problem


def faults_of(folder: Path, text: str) -> list[tuple[str, str]]:
    """The key, without the plan's file, and what was found."""
    file = f"{folder / 'plan.toml'}: "
    return [(each.where.removeprefix(file), each.found) for each in problems_of(folder, text)]
