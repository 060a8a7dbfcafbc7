import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import example, given
from hypothesis import strategies as st

from portcompare.errors import EXIT_BAD_INPUT, InputError, Problem
from portcompare.plan import load_plan, plan_keys
from tests.plan.plans import (
    GOOD,
    LISTED,
    LOAD,
    SERVERS,
    changed,
    faults_of,
    load,
    problem_of,
    problems_of,
    write,
)


def test_a_plan_is_named_after_its_file_unless_it_has_a_name(tmp_path: Path) -> None:
    assert load_plan(write(tmp_path / "nightly.toml", GOOD), SERVERS).name == "nightly"
    assert load(tmp_path, 'name = "weekly"\n' + GOOD).name == "weekly"


@pytest.mark.parametrize(
    ("content", "found", "remedy"),
    [
        (None, "there is no such file", "name a plan file; `portcompare init` writes one"),
        (b'name = "\xff"', "cannot be read: ", "name a readable plan file"),
        (b'baseline = "old"\ncandidates = [oops]\n', "(at line 2, column 15)", "correct the syntax there"),
        (b"name = " + b"9" * 5000, "is not TOML: Exceeds the limit", "correct the syntax there"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None, found: str, remedy: str
) -> None:
    path = tmp_path / "plan.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_plan(path, SERVERS)
    (problem,) = caught.value.problems
    assert (problem.where, problem.remedy) == (str(path), remedy)
    assert found in problem.found
    with pytest.raises(InputError, match="cannot be read: "):
        load_plan(tmp_path, SERVERS)


REQUEST = "scenarios.fast.request"
VALUES = "should be text, a number, or a list of these"
A_DAY = "Input should be less than or equal to 86400"
MARGIN = f"{LOAD}\n\n[rounds]\nmargin = "
FEWER_BLOCKS = "min_blocks, 11, is more than max_blocks, 10"


UNKNOWN = "there is no such key"
CGI = "Input should be 'wsgi' or 'asgi' (found 'cgi')"
CONTROL = '[deployments.control]\napp = "flask"\nserver = "gunicorn"\n\n[scenarios.fast]'
TYPO = '[parity]\nrequests = [{ path = "/", metod = "GET" }]\n\n[scenarios.fast]'


@pytest.mark.parametrize(
    ("old", "new", "key", "found", "remedy"),
    [
        ('baseline = "old"\n', "", "baseline", "is missing", "add it"),
        ('"wsgi"', '"cgi"', "apps.flask.interface", CGI, LISTED),
        ('"port.app:app"', '"port.app"', "apps.quart.target", "is 'port.app'", "write `module:object`, or "),
        ('"/data"', '"data"', f"{REQUEST}.path", "is 'data'", "write a path that begins with `/`, "),
        ('"/data"', '"/", headers = { "X Y" = "1" }', f"{REQUEST}.headers.X Y", "is 'X Y'", "write a name"),
        ('"/data"', '"/", query = { a = true }', f"{REQUEST}.query.a", f"{VALUES} (found True)", LISTED),
        ('"/data"', '"/", query = { a = { b = 1 } }', f"{REQUEST}.query.a", VALUES, LISTED),
        (LOAD, f"{LOAD}\n\n[rounds]\nmin_blocks = 11", "rounds", FEWER_BLOCKS, "lower min_blocks or raise "),
        (LOAD, f"{MARGIN}0", "rounds.margin", "Input should be greater than 0 (found 0)", LISTED),
        (
            LOAD,
            f"{LOAD}\n[rounds]\nwarmup_s = 1e9",
            "rounds.warmup_s",
            f"{A_DAY} (found 1000000000.0)",
            LISTED,
        ),
        (LOAD, f"{MARGIN}1.0", "rounds.margin", "Input should be less than 1 (found 1.0)", LISTED),
        (LOAD, f"{MARGIN}'wide'", "rounds.margin", "Input should be a valid number (found 'wide')", LISTED),
        (
            LOAD,
            f"{MARGIN}{{ p50 = 2.0 }}",
            "rounds.margin.p50",
            "Input should be less than 1 (found 2.0)",
            LISTED,
        ),
        (LOAD, f"{MARGIN}{{ p90 = 0.1 }}", "rounds.margin.p90", "there is no such key", "did you mean 'p9"),
        # Unknown keys:
        ("candidates", "candidate = []\ncandidates", "candidate", UNKNOWN, "did you mean 'candidates'? "),
        ("candidates", "wholly_other = 1\ncandidates", "wholly_other", UNKNOWN, "known: apps, baseline, "),
        ("candidates", 'path = "x"\ncandidates', "path", UNKNOWN, "did you mean 'parity'? Known: apps, "),
        ('"gunicorn"', '"gunicorn"\ntreads = 8', "deployments.old.treads", UNKNOWN, "did you mean 'threads'"),
        ("users = [1]", "users = [1], modle = 1", "scenarios.fast.load.modle", UNKNOWN, "did you mean 'mode"),
        ('"/data"', '"/data", qurey = {}', f"{REQUEST}.qurey", UNKNOWN, "did you mean 'query'? Known: "),
        ("[scenarios.fast]", TYPO, "parity.requests.0.metod", UNKNOWN, "did you mean 'method'? Known: "),
        (LOAD, f"{LOAD}\n\n[rounds]\nsecond = 1", "rounds.second", UNKNOWN, "did you mean 'seconds'? "),
        # Of the whole plan:
        ('= "old"', '= "odl"', "baseline", "there is no deployment 'odl'", "did you mean 'old'? Known: new"),
        ('["new"]', '["new", "other"]', "candidates.1", "there is no deployment 'other'", "known: "),
        ('["new"]', '["new", "old"]', "candidates", "the baseline 'old' is also a candidate", "remove it "),
        ('["new"]', '["new", "new"]', "candidates", "'new' is named twice", "remove one"),
        ("[scenarios.fast]", CONTROL, "deployments.control", "'control' is the name of an arm", "rename "),
    ],
)
def test_a_wrong_key_is_named_with_what_was_found_and_what_to_do(
    tmp_path: Path, *, old: str, new: str, key: str, found: str, remedy: str
) -> None:
    problem = problem_of(tmp_path, changed(old, new), key)
    assert problem.found == found
    assert problem.remedy.startswith(remedy)


WRONG_SCHEMA = GOOD.replace('"wsgi"', '"cgi"').replace("users = [1]", "users = [-1]")
WRONG_NAMES = GOOD.replace('["new"]', '["gnu"]').replace('server = "hypercorn"', 'server = "hypercorm"')


def test_all_problems_of_the_schema_are_reported_at_once_and_then_all_of_the_plan(tmp_path: Path) -> None:
    for text in (WRONG_SCHEMA, WRONG_SCHEMA.replace('["new"]', '["gnu"]')):
        with pytest.raises(InputError) as caught:
            load(tmp_path, text)
        found = [problem.where.rpartition(" ")[2] for problem in caught.value.problems]
        assert found == ["apps.flask.interface", "scenarios.fast.load.users.0"]
        assert all(str(problem) in str(caught.value) for problem in caught.value.problems)
        assert caught.value.exit_code == EXIT_BAD_INPUT
    assert [key for key, _ in faults_of(tmp_path, WRONG_NAMES)] == ["candidates.0", "deployments.new.server"]


WRONG_TYPES = [
    *("baseline = 1", "candidates = 1", "candidates = [1, 1]", 'candidates = [["x"], ["x"]]', "apps = 1"),
    *("deployments = 1", "scenarios = 1", "rounds = 1", "deployments.x = 1", "scenarios.x = 1"),
    *("[deployments.x]\napp = 1\nserver = 2", '[deployments.x]\napp = ["x"]\nserver = "gunicorn"'),
    *('[scenarios.x]\ndelay_s = "1"', '[rounds]\nmin_blocks = "9"'),
]


@pytest.mark.parametrize("text", WRONG_TYPES)
def test_a_value_in_place_of_a_table_is_a_problem_and_not_a_crash(tmp_path: Path, text: str) -> None:
    key = text.split(" =", maxsplit=1)[0].strip("[").partition("]")[0]
    assert any(where.startswith(key) for where, _ in faults_of(tmp_path, text))


INCLUDE = 'include = ["more.toml"]\n' + GOOD
WAITING = '[deployments.waiting]\napp = "flask"\nserver = "waitress"\n'


def test_the_tables_of_included_files_are_added_in_their_order(tmp_path: Path) -> None:
    also = '[deployments.also]\napp = "quart"\nserver = "uvicorn"\n'
    write(tmp_path / "more.toml", WAITING + also + '[parity]\nrequests = [{ path = "/healthz" }]\n')
    plan = load(tmp_path, INCLUDE)
    assert list(plan.deployments) == ["old", "new", "waiting", "also"]
    assert plan.deployments["waiting"].server == "waitress"
    assert [request.path for request in plan.parity.requests] == ["/healthz"]


def test_an_include_is_relative_to_the_plan_and_not_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("plans", "elsewhere"):
        (tmp_path / folder).mkdir()
    write(tmp_path / "more.toml", WAITING)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "waiting" in load(tmp_path / "plans", INCLUDE.replace("more", "../more")).deployments


def test_a_name_in_two_files_is_a_problem_of_the_first(tmp_path: Path) -> None:
    text = '[deployments.more]\napp = "quart"\nserver = "uvicorn"\n'
    one, two = write(tmp_path / "one.toml", text), write(tmp_path / "two.toml", text)
    (problem,) = problems_of(tmp_path, 'include = ["one.toml", "two.toml"]\n' + GOOD)
    assert problem.where == f"{one}: deployments.more"
    assert (problem.found, problem.remedy) == (f"is in {two} too", "rename or remove one of the two")
    more = write(tmp_path / "more.toml", text.replace("more", "new"))
    assert faults_of(tmp_path, INCLUDE) == [("deployments.new", f"is in {more} too")]


MORE = '[deployments.more]\napp = "quart"\nserver = "uvicorn"\n'
ONLY = "may contain only the tables apps, deployments, scenarios, parity"
SLOW = '[scenarios.slow]\nuser = "Slow"\ndelay_s = 2.0\nload = { users = [1] }\n'


@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        (MORE.replace("uvicorn", "uvicorm"), "deployments.more.server", "no server"),
        (MORE + "treads = 1\n", "deployments.more.treads", "no such key"),
        (WAITING.replace("waiting", "control"), "deployments.control", "name of an arm"),
        (SLOW, "scenarios.slow", "shorter than 5 delays"),
        ('[parity]\nrequests = [{ path = "x" }]\n', "parity.requests.0.path", "is 'x'"),
    ],
)
def test_a_problem_in_an_included_file_names_that_file(
    tmp_path: Path, text: str, key: str, found: str
) -> None:
    more = write(tmp_path / "more.toml", text)
    (problem,) = problems_of(tmp_path, INCLUDE)
    assert problem.where == f"{more}: {key}"
    assert found in problem.found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "there is no such file"),
        ("[apps.x\n", "(at line 1, column 8)"),
        *((text, ONLY) for text in ('baseline = "old"\n', "[rounds]\nseconds = 2.0\n", "apps = 1\n")),
    ],
)
def test_a_wrong_included_file_is_named(tmp_path: Path, text: str | None, found: str) -> None:
    if text is not None:
        write(tmp_path / "more.toml", text)
    (problem,) = problems_of(tmp_path, INCLUDE)
    assert problem.where.startswith(str(tmp_path / "more.toml"))
    assert found in problem.found
    if text is None:
        assert problem.remedy == f"correct `include` in {tmp_path / 'plan.toml'}, or write the file"


def test_an_include_beside_a_value_of_the_wrong_type_is_reported_with_it(tmp_path: Path) -> None:
    write(tmp_path / "more.toml", '[parity]\nrequests = [{ path = "/healthz" }]\n')
    assert "parity" in dict(faults_of(tmp_path, "parity = 1\n" + INCLUDE))
    found = "Input should be a valid list (found 'more.toml')"
    assert faults_of(tmp_path, 'include = "more.toml"\n' + GOOD) == [("include", found)]


@pytest.mark.parametrize(
    "text", ["x = " + "[" * 5000 + "]" * 5000, "x = " + "{a=" * 900 + "1" + "}" * 900, f"[{'a.' * 5000}b]"]
)
def test_a_plan_that_is_nested_too_deep_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"plan\.toml: is nested deeper than 100 levels"):
        load_plan(path, SERVERS)


NAMED = {"apps": "flask", "deployments": "new", "scenarios": "fast", "pages": "page", "claims": "claim"}
TEXTS = st.sampled_from(
    [
        *(
            "",
            "/",
            "old",
            "new",
            "fast",
            "*",
            "{a}",
            "{upstream:old}",
            "json:/x",
            "regex:(",
            "html:>>",
            "a:b(",
        ),
        *("http://a:99999/", "http://[", "/dev/zero", "..", "a\nb", "%zz", "\0", "\x1b[31m", "{port}"),
    ]
)
LEAVES = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.datetimes() | st.times() | TEXTS
ANY_VALUE = st.recursive(
    LEAVES | st.text(max_size=4).filter(lambda text: text.isprintable()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


@example(change={"include": ["/"]})
@given(change=st.dictionaries(st.sampled_from([key.path for key in plan_keys()]), ANY_VALUE, max_size=3))
def test_a_plan_with_any_value_of_any_key_is_a_plan_or_refused_with_place_and_remedy(
    tmp_path_factory: pytest.TempPathFactory, change: dict[str, object]
) -> None:
    data: Any = tomllib.loads(GOOD)
    for key, value in change.items():
        table, above = data, ""
        *path, last = key.split(".")
        for one in path:
            table = table.setdefault(NAMED[above] if one == "NAME" else one, {})
            table, above = (table[0] if isinstance(table, list) else table), one
            if not isinstance(table, dict):
                break
        else:
            table[last] = value
    plan = tmp_path_factory.mktemp("any") / "plan.toml"
    plan.write_text(tomlkit.dumps(data))
    problems: tuple[Problem, ...] = ()
    try:
        load_plan(plan, SERVERS)
    except InputError as error:
        problems = error.problems
    included = data["include"] if isinstance(data.get("include"), list) else []
    files = (str(plan), *(str(plan.parent / str(name)) for name in included))
    assert all(one.where.startswith(files) and one.found and one.remedy for one in problems)
