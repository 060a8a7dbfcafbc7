from __future__ import annotations

from pathlib import Path

import pytest

from portcompare.errors import EXIT_BAD_INPUT, InputError, Problem
from portcompare.plan import load_plan
from tests.plan.plans import GOOD, SERVERS, problems_of, spoilt, write

LOADTESTS = Path(__file__).parents[2] / "loadtests"


@pytest.mark.parametrize(
    "name", sorted(path.name for path in LOADTESTS.glob("*.toml") if path.stem != "twins")
)
def test_the_shipped_plans_load(name: str) -> None:
    plan = load_plan(LOADTESTS / name, SERVERS)

    assert plan.baseline == "flask-gunicorn"
    assert plan.deployments["flask-gunicorn"].threads == 8
    assert "/healthz" in [request.path for request in plan.parity.requests]


def test_there_are_shipped_plans() -> None:
    assert (LOADTESTS / "plan.toml").is_file()


def test_a_plan_is_named_after_its_file_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert load_plan(write(tmp_path / "nightly.toml", GOOD), SERVERS).name == "nightly"
    assert load_plan(write(tmp_path / "x.toml", 'name = "weekly"\n' + GOOD), SERVERS).name == "weekly"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"

    assert problems_of(path) == (
        Problem(where=str(path), found="there is no such file", remedy="name a plan file"),
    )


def test_a_folder_is_no_plan(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path)

    assert problem.where == str(tmp_path)
    assert problem.found.startswith("cannot be read: ")
    assert problem.remedy == "name a readable plan file"


def test_a_file_that_is_no_text_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(b'name = "\xff"')

    [problem] = problems_of(path)

    assert problem.found.startswith("cannot be read: ")


def test_a_syntax_error_is_shown_with_its_position(tmp_path: Path) -> None:
    path = write(tmp_path / "plan.toml", 'baseline = "old"\ncandidates = [oops]\n')

    [problem] = problems_of(path)

    assert problem.where == str(path)
    assert problem.found.startswith("is not TOML: ")
    assert "(at line 2, column 15)" in problem.found
    assert problem.remedy == "correct the syntax there"


LISTED = "`portcompare run --help` lists each key with its type"


@pytest.mark.parametrize(
    "case",
    [
        ('baseline = "old"\n', "", "baseline", "is missing", "add it"),
        (
            'interface = "wsgi"',
            'interface = "cgi"',
            "apps.flask.interface",
            "Input should be 'wsgi' or 'asgi' (found 'cgi')",
            LISTED,
        ),
        (
            'target = "port.app:app"',
            'target = "port.app"',
            "apps.quart.target",
            "should be `module:object`, or `module:factory()` (found 'port.app')",
            LISTED,
        ),
        (
            "users = [1]",
            "users = [0]",
            "scenarios.fast.load.users.0",
            "Input should be greater than or equal to 1 (found 0)",
            LISTED,
        ),
        (
            "users = [1]",
            'users = ["1"]',
            "scenarios.fast.load.users.0",
            "Input should be a valid integer (found '1')",
            LISTED,
        ),
        (
            "users = [1]",
            "users = []",
            "scenarios.fast.load.users",
            "List should have at least 1 item after validation, not 0 (found [])",
            LISTED,
        ),
        (
            'path = "/data"',
            'path = "data"',
            "scenarios.fast.request.path",
            "is 'data'",
            "write a path that begins with `/`, percent-encoded: no blank, no `#`, nothing beyond ASCII",
        ),
        (
            'path = "/data"',
            'path = "/data", headers = { "X Y" = "1" }',
            "scenarios.fast.request.headers.X Y",
            "is 'X Y'",
            "write a name of letters, digits and !#$%&'*+.^_`|~-",
        ),
        (
            'path = "/data"',
            'path = "/data", query = { a = { b = 1 } }',
            "scenarios.fast.request.query.a",
            "should be text, a number, or a list of these",
            LISTED,
        ),
        (
            'path = "/data"',
            'path = "/data", query = { a = true }',
            "scenarios.fast.request.query.a",
            "should be text, a number, or a list of these (found True)",
            LISTED,
        ),
        (
            'request = { path = "/data" }',
            'user = "Fast"\nrequest = { path = "/data" }',
            "scenarios.fast",
            "give exactly one of `user`, `request` and `requests`",
            LISTED,
        ),
        (
            'request = { path = "/data" }\n',
            "",
            "scenarios.fast",
            "give exactly one of `user`, `request` and `requests`",
            LISTED,
        ),
    ],
)
def test_a_wrong_key_is_named_with_what_was_found_and_what_to_do(
    tmp_path: Path, case: tuple[str, str, str, str, str]
) -> None:
    old, new, key, found, remedy = case
    path = write(tmp_path / "plan.toml", spoilt(old, new))

    assert problems_of(path) == (Problem(where=f"{path}: {key}", found=found, remedy=remedy),)


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy_begins"),
    [
        ("candidates", "candidate = []\ncandidates", "candidate", "did you mean 'candidates'? Known: "),
        (
            "candidates",
            "wholly_other = 1\ncandidates",
            "wholly_other",
            "known: apps, baseline, break_even, candidates, claims, cost",
        ),
        ("candidates", 'path = "x"\ncandidates', "path", "did you mean 'parity'? Known: apps, "),
        (
            'server = "gunicorn"',
            'server = "gunicorn"\ntreads = 8',
            "deployments.old.treads",
            "did you mean 'threads'? Known: app, backlog, ",
        ),
        (
            "users = [1]",
            "users = [1], modle = 1",
            "scenarios.fast.load.modle",
            "did you mean 'model'? Known: ",
        ),
        (
            'path = "/data"',
            'path = "/data", qurey = {}',
            "scenarios.fast.request.qurey",
            "did you mean 'query'? Known: body, body_file, cookies, form, headers, json, method, ",
        ),
        (
            "[scenarios.fast]",
            '[parity]\nrequests = [{ path = "/", metod = "GET" }]\n\n[scenarios.fast]',
            "parity.requests.0.metod",
            "did you mean 'method'? Known: ",
        ),
        (
            "[scenarios.fast]",
            "[rounds]\nsecond = 1\n\n[scenarios.fast]",
            "rounds.second",
            "did you mean 'seconds'? Known: budget_s, ",
        ),
    ],
)
def test_an_unknown_key_is_answered_with_the_known_ones_of_its_table(
    tmp_path: Path, old: str, new: str, key: str, remedy_begins: str
) -> None:
    path = write(tmp_path / "plan.toml", spoilt(old, new))

    [problem] = problems_of(path)

    assert problem.where == f"{path}: {key}"
    assert problem.found == "there is no such key"
    assert problem.remedy.startswith(remedy_begins)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace('"wsgi"', '"cgi"')
        .replace('["new"]', '["gnu"]')
        .replace('server = "hypercorn"', 'server = "hypercorm"')
        .replace("users = [1]", "users = [-1]")
    )
    path = write(tmp_path / "plan.toml", text)

    with pytest.raises(InputError) as caught:
        load_plan(path, SERVERS)

    assert {problem.where for problem in caught.value.problems} == {
        f"{path}: apps.flask.interface",
        f"{path}: candidates.0",
        f"{path}: deployments.new.server",
        f"{path}: scenarios.fast.load.users.0",
    }
    assert caught.value.exit_code == EXIT_BAD_INPUT
    for problem in caught.value.problems:
        assert str(problem) in str(caught.value)
