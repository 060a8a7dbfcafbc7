from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.errors import Problem
from portcompare.plan import load_plan
from tests.plan.plans import GOOD, SERVERS, problems_of, spoilt, write

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = "any other is started by a `command`, with `{port}` where the port stands"


@pytest.mark.parametrize(
    "case",
    [
        (
            'baseline = "old"',
            'baseline = "odl"',
            "baseline",
            "there is no deployment 'odl'",
            "did you mean 'old'? Known: new, old",
        ),
        (
            'candidates = ["new"]',
            'candidates = ["new", "quite-other"]',
            "candidates.1",
            "there is no deployment 'quite-other'",
            "known: new, old",
        ),
        (
            'candidates = ["new"]',
            'candidates = ["new", "old"]',
            "candidates",
            "the baseline 'old' is also a candidate",
            "remove it there; a control instance of the baseline is measured anyway",
        ),
        (
            'candidates = ["new"]',
            'candidates = ["new", "new"]',
            "candidates",
            "'new' stands there twice",
            "remove one",
        ),
        (
            "[scenarios.fast]",
            '[deployments.control]\napp = "flask"\nserver = "gunicorn"\n\n[scenarios.fast]',
            "deployments.control",
            "'control' is the name of an arm",
            "call the deployment otherwise",
        ),
        (
            'app = "flask"',
            'app = "flaks"',
            "deployments.old.app",
            "there is no app 'flaks'",
            "did you mean 'flask'? Known: flask, quart",
        ),
        (
            'server = "gunicorn"',
            'server = "gunicron"',
            "deployments.old.server",
            "there is no server 'gunicron'",
            f"did you mean 'gunicorn'? Known: {', '.join(sorted(SERVERS))}; {OTHERS}",
        ),
        (
            'server = "hypercorn"',
            'server = "waitress"',
            "deployments.new.server",
            "waitress does not serve asgi apps",
            "servers that do: granian, hypercorn, uvicorn",
        ),
        (
            'server = "hypercorn"',
            'server = "hypercorn"\nthreads = 2',
            "deployments.new.threads",
            "hypercorn has no such knob for asgi apps",
            "remove it; it has: backlog, loop, workers",
        ),
        (
            "load = { users = [1] }",
            "delay_s = 0.57\nload = { users = [1] }",
            "scenarios.fast",
            "rounds of 1.0 s are shorter than 5 times the delay of 0.57 s",
            "set seconds = 2.85 or more for this scenario",
        ),
        (
            "load = { users = [1] }",
            "load = { users = [1] }\n\n[rounds]\nmin_blocks = 6\nmax_blocks = 5",
            "rounds.min_blocks",
            "6 is more than max_blocks, 5",
            "lower min_blocks or raise max_blocks",
        ),
        (
            "load = { users = [1] }",
            "load = { users = [1] }\n\n[rounds]\nmin_blocks = 11",
            "rounds.min_blocks",
            "11 is more than max_blocks, 10",
            "lower min_blocks or raise max_blocks",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_told(
    tmp_path: Path, case: tuple[str, str, str, str, str]
) -> None:
    old, new, key, found, remedy = case
    path = write(tmp_path / "plan.toml", spoilt(old, new))

    assert problems_of(path) == (Problem(where=f"{path}: {key}", found=found, remedy=remedy),)


@pytest.mark.parametrize(
    "seconds",
    ["seconds = 1.5\nload = { users = [1] }", "load = { users = [1] }\n\n[rounds]\nseconds = 1.5"],
)
def test_a_round_may_last_just_five_delays(tmp_path: Path, seconds: str) -> None:
    text = spoilt("load = { users = [1] }", f"delay_s = 0.3\n{seconds}")

    plan = load_plan(write(tmp_path / "plan.toml", text), SERVERS)

    assert plan.window_s("fast") == 1.5


def test_a_scenario_of_shorter_rounds_than_the_others_is_judged_by_its_own(tmp_path: Path) -> None:
    text = spoilt(
        "load = { users = [1] }",
        "delay_s = 0.3\nseconds = 1.0\nload = { users = [1] }\n\n[rounds]\nseconds = 9.0",
    )

    [problem] = problems_of(write(tmp_path / "plan.toml", text))

    assert problem.found == "rounds of 1.0 s are shorter than 5 times the delay of 0.3 s"


@pytest.mark.parametrize(
    "text",
    [
        "baseline = 1\n",
        "candidates = 1\n",
        "candidates = [1, 1]\n",
        'candidates = [["x"], ["x"]]\n',
        "apps = 1\n",
        "deployments = 1\n",
        "scenarios = 1\n",
        "rounds = 1\n",
        "deployments.x = 1\n",
        "scenarios.x = 1\n",
        "[deployments.x]\napp = 1\nserver = 2\n",
        '[deployments.x]\napp = ["x"]\nserver = "gunicorn"\n',
        '[scenarios.x]\ndelay_s = "1"\n',
        '[rounds]\nmin_blocks = "9"\n',
    ],
)
def test_whatever_stands_where_a_table_should_is_a_problem_and_no_crash(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "plan.toml", text)

    key = text.split(" =", maxsplit=1)[0].strip("[").partition("]")[0]

    assert any(problem.where.startswith(f"{path}: {key}") for problem in problems_of(path))


def test_the_good_plan_has_no_problem(tmp_path: Path) -> None:
    assert load_plan(write(tmp_path / "plan.toml", GOOD), SERVERS).baseline == "old"
