from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.errors import Problem
from portcompare.plan import load_plan
from tests.plan.plans import GOOD, SERVERS, problems_of, write

if TYPE_CHECKING:
    from pathlib import Path

INCLUDE = 'include = ["more.toml"]\n'


def test_the_tables_of_included_files_are_added_in_their_order(tmp_path: Path) -> None:
    write(
        tmp_path / "more.toml",
        '[deployments.waiting]\napp = "flask"\nserver = "waitress"\n'
        '[deployments.also]\napp = "quart"\nserver = "uvicorn"\n'
        '[parity]\nrequests = [{ path = "/healthz" }]\n',
    )

    plan = load_plan(write(tmp_path / "plan.toml", INCLUDE + GOOD), SERVERS)

    assert list(plan.deployments) == ["old", "new", "waiting", "also"]
    assert plan.deployments["waiting"].server == "waitress"
    assert [request.path for request in plan.parity.requests] == ["/healthz"]


def test_an_include_is_found_beside_the_plan_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "elsewhere").mkdir()
    write(tmp_path / "shared.toml", '[deployments.waiting]\napp = "flask"\nserver = "waitress"\n')
    path = write(tmp_path / "plans" / "plan.toml", 'include = ["../shared.toml"]\n' + GOOD)
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert "waiting" in load_plan(path, SERVERS).deployments


def test_a_name_in_both_files_is_a_problem(tmp_path: Path) -> None:
    more = write(tmp_path / "more.toml", '[deployments.new]\napp = "quart"\nserver = "uvicorn"\n')
    path = write(tmp_path / "plan.toml", INCLUDE + GOOD)

    assert problems_of(path) == (
        Problem(
            where=f"{path}: deployments.new",
            found=f"stands in {more} too",
            remedy="rename or remove one of the two",
        ),
    )


def test_a_name_in_two_included_files_is_a_problem_of_these_two(tmp_path: Path) -> None:
    text = '[deployments.more]\napp = "quart"\nserver = "uvicorn"\n'
    one, two = write(tmp_path / "one.toml", text), write(tmp_path / "two.toml", text)
    path = write(tmp_path / "plan.toml", 'include = ["one.toml", "two.toml"]\n' + GOOD)

    [problem] = problems_of(path)

    assert problem.where == f"{one}: deployments.more"
    assert problem.found == f"stands in {two} too"


@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        ('[deployments.more]\napp = "quart"\nserver = "uvicorm"\n', "deployments.more.server", "no server"),
        (
            '[deployments.more]\napp = "quart"\nserver = "uvicorn"\ntreads = 1\n',
            "deployments.more.treads",
            "no such key",
        ),
        (
            '[deployments.control]\napp = "quart"\nserver = "uvicorn"\n',
            "deployments.control",
            "name of an arm",
        ),
        (
            '[scenarios.slow]\nuser = "Slow"\ndelay_s = 2.0\nload = { users = [1] }\n',
            "scenarios.slow",
            "shorter than 5 times",
        ),
        ('[parity]\nrequests = [{ path = "x" }]\n', "parity.requests.0.path", "is 'x'"),
    ],
)
def test_a_problem_in_an_included_file_names_that_file(
    tmp_path: Path, text: str, key: str, found: str
) -> None:
    more = write(tmp_path / "more.toml", text)

    [problem] = problems_of(write(tmp_path / "plan.toml", INCLUDE + GOOD))

    assert problem.where == f"{more}: {key}"
    assert found in problem.found


@pytest.mark.parametrize("text", ['baseline = "old"\n', "[rounds]\nseconds = 2.0\n", "apps = 1\n"])
def test_an_included_file_holds_no_other_keys(tmp_path: Path, text: str) -> None:
    more = write(tmp_path / "more.toml", text)

    [problem] = problems_of(write(tmp_path / "plan.toml", INCLUDE + GOOD))

    assert problem.where.startswith(f"{more}: ")
    assert problem.found == "an included file holds only the tables apps, deployments, scenarios, parity"
    assert problem.remedy.startswith("move the key to the plan itself")


def test_a_plan_whose_own_table_is_none_is_told_so_beside_the_included_one(tmp_path: Path) -> None:
    write(tmp_path / "more.toml", '[parity]\nrequests = [{ path = "/healthz" }]\n')
    path = write(tmp_path / "plan.toml", INCLUDE + "parity = 1\n" + GOOD)

    assert f"{path}: parity" in {problem.where for problem in problems_of(path)}


def test_a_missing_include_is_named(tmp_path: Path) -> None:
    [problem] = problems_of(write(tmp_path / "plan.toml", INCLUDE + GOOD))

    assert problem.where == str(tmp_path / "more.toml")
    assert problem.found == "there is no such file"


def test_a_syntax_error_in_an_include_is_shown_with_its_position(tmp_path: Path) -> None:
    more = write(tmp_path / "more.toml", "[apps.x\n")

    [problem] = problems_of(write(tmp_path / "plan.toml", INCLUDE + GOOD))

    assert problem.where == str(more)
    assert "(at line 1, column 8)" in problem.found


def test_an_include_that_is_no_list_is_a_problem_of_its_type(tmp_path: Path) -> None:
    path = write(tmp_path / "plan.toml", 'include = "more.toml"\n' + GOOD)

    [problem] = problems_of(path)

    assert problem.where == f"{path}: include"
    assert problem.found == "Input should be a valid list (found 'more.toml')"
