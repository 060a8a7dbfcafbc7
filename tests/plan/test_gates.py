from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.errors import InputError
from portcompare.plan import load_plan
from portcompare.serve import vocabulary
from tests.test_docs import SERVED

if TYPE_CHECKING:
    from pathlib import Path

SCENARIOS = """
[scenarios.fast]
request = { path = "/" }
load = { users = [1, 8] }
"""
SOUND = 'metric = "p99"\nscenario = "fast"\ncandidate = "new"\nmax_ratio = 0.5\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stored").mkdir()
    (tmp_path / "stored" / "results.json").touch()
    return tmp_path


def load(folder: Path, *gates: str, scenarios: str = SCENARIOS) -> list[tuple[str, str, str]]:
    path = folder / "plan.toml"
    path.write_text(SERVED + scenarios + "".join(f"\n[[gates]]\n{gate}" for gate in gates))
    try:
        load_plan(path, vocabulary())
    except InputError as error:
        return [(one.where.removeprefix(f"{path}: gates."), one.found, one.remedy) for one in error.problems]
    return []


@pytest.mark.parametrize(
    "more",
    [
        "",
        "level = 8\n",
        'inconclusive = "pass"\n',
        "min_ratio = 0.1\n",
        'against = "stored"\n',
        'against = "stored"\nrelative = true\n',
    ],
)
def test_sound_gates(folder: Path, more: str) -> None:
    assert load(folder, SOUND + more) == []
    assert load(folder, SOUND.replace('"new"', '"old"') + 'against = "stored"\n') == []


def test_every_fault_is_told_at_once_with_its_key(folder: Path) -> None:
    found = load(
        folder,
        'metric = "p98"\nscenario = "fats"\ncandidate = "newer"\nmax_ratio = 0.5\n',
        SOUND + "level = 3\n",
        SOUND + 'against = "nowhere"\n',
        SOUND.replace('"new"', '"old"'),
        SOUND.replace("max_ratio = 0.5\n", ""),
        SOUND + "min_ratio = 0.6\n",
        SOUND + "relative = true\n",
        SOUND + "limit = 3\n",
        SOUND.replace('"new"', '"old"') + 'against = "stored"\nrelative = true\n',
        SOUND.replace("0.5", "-0.5") + 'inconclusive = "maybe"\n',
    )
    places = [where for where, _, _ in found]
    assert sorted(places) == [
        "0.candidate",
        "0.metric",
        "0.scenario",
        "1.level",
        "2.against",
        "3.candidate",
        "4",
        "5",
        "6",
        "7.limit",
        "8.candidate",
        "9.inconclusive",
        "9.max_ratio",
    ]
    told = {where: (text, remedy) for where, text, remedy in found}
    assert told["0.scenario"] == ("there is no scenario 'fats'", "did you mean 'fast'? Known: fast")
    assert told["1.level"] == ("3 is no level of the scenario", "name one of 1, 8, or leave it out for all")
    assert told["2.against"][0] == f"there is no {folder}/nowhere/results.json"
    assert told["3.candidate"][0] == "'old' is the baseline itself"
    assert "min_ratio, 0.6, is not less than max_ratio, 0.5" in told["5"][0]


def test_a_run_that_is_there_as_seen_from_here_is_named_as_the_plan_must(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "plans").mkdir()
    ((_, _, remedy),) = load(folder / "plans", SOUND + 'against = "stored"\n')
    assert remedy == 'write against = "../stored"'


def test_a_searched_rate_and_a_grid_have_no_gates(folder: Path) -> None:
    searched = SCENARIOS.replace("users = [1, 8]", 'model = "open", objective = { p99 = 0.5 }')
    ((where, text, _),) = load(folder, SOUND, scenarios=searched)
    assert (where, text) == ("0.scenario", "its rate is searched, and a gate stands at given levels")
    grid = "[break_even]\npath = '/'\ndelay_s = [0, 0.1]\nusers = [1, 8]\n"
    found = load(folder, SOUND, scenarios=grid)
    assert any(text.startswith("stands beside [break_even]") for _, text, _ in found)
