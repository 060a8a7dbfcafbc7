from pathlib import Path

import pytest

from tests.plan.plans import BEFORE, GOOD, LOAD, changed, faults_of, load, problems_of

TWO_LEVELS = changed("users = [1]", "users = [1, 8]")
SEARCHED = changed("users = [1]", 'model = "open", objective = { p99 = 0.5 }')
GRID = BEFORE + "[break_even]\npath = '/'\ndelay_s = [0, 0.1]\nusers = [1, 8]\n"
GATE = 'metric = "p99"\nscenario = "fast"\ncandidate = "new"\nmax_ratio = 0.5\n'
RELATIVE = "relative = true\n"
OF_OLD = GATE.replace('"new"', '"old"')

CLAIMS = """
[pages.home]
path = "/"

[claims.port]
text = "A port is faster"

[[claims.port.checks]]
name = "one user"
metric = "throughput"
of = { arm = "new", scenario = "fast", level = 1 }
to = { scenario = "fast", level = 1 }
at_least = 1.05

[[claims.port.checks]]
name = "at the screen"
metric = "lcp"
of = { arm = "new", page = "home" }
at_most = 2.5
"""


PAGES = f"""
[scenarios.paced]
request = {{ path = "/data" }}
{LOAD.replace("users = [1]", 'model = "open", rates = [10]')}

[pages.fast]
path = "/?delay=0"

[pages.busy]
path = "/"
scenario = "fast"
users = 64
"""


def with_gates(*gates: str, plan: str = TWO_LEVELS) -> str:
    return plan + "".join(f"\n[[gates]]\n{gate}" for gate in gates)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stored").mkdir()
    (tmp_path / "stored" / "results.json").touch()
    return tmp_path


def test_sound_gates(folder: Path) -> None:
    stored = 'against = "stored"\n'
    more = ("", "level = 8\n", 'inconclusive = "pass"\n', "min_ratio = 0.1\n", stored, stored + RELATIVE)
    gates = load(folder, with_gates(*(GATE + lines for lines in more), OF_OLD + stored)).gates
    assert [gate.scenario for gate in gates] == ["fast"] * 7


def test_every_fault_of_a_gate_itself_is_reported_at_once(folder: Path) -> None:
    gates = [
        GATE.replace('"p99"', '"p98"'),
        GATE.replace("max_ratio = 0.5\n", ""),
        GATE + "min_ratio = 0.6\n",
        GATE + "relative = true\n",
        GATE + "limit = 3\n",
        GATE.replace("0.5", "-0.5") + 'inconclusive = "maybe"\n',
        GATE.replace("p99", "instructions") + "level = 1\n",
    ]
    found = faults_of(folder, with_gates(*gates))
    keys = ["gates.0.metric", "gates.1", "gates.2", "gates.3", "gates.4.limit"]
    assert [key for key, _ in found] == [*keys, "gates.5.max_ratio", "gates.5.inconclusive", "gates.6"]
    assert "min_ratio, 0.6, is not less than max_ratio, 0.5" in found[2][1]


def test_every_name_in_a_gate_that_there_is_not_is_reported_at_once(folder: Path) -> None:
    gates = [
        GATE.replace("fast", "fats").replace('"new"', '"newer"'),
        GATE + "level = 3\n",
        GATE + 'against = "nowhere"\n',
        OF_OLD,
        OF_OLD + 'against = "stored"\nrelative = true\n',
        GATE.replace("p99", "instructions"),
    ]
    problems = problems_of(folder, with_gates(*gates))
    assert [(each.where.rpartition("gates.")[2], each.found) for each in problems] == [
        ("0.candidate", "there is no candidate 'newer'"),
        ("0.scenario", "there is no scenario 'fats'"),
        ("1.level", "3 is not measured"),
        ("2.against", f"there is no {folder}/nowhere/results.json"),
        ("3.candidate", "there is no candidate 'old'"),
        ("4.candidate", "there is no candidate 'old'"),
        ("5.metric", "no instruction is counted, as the plan has no [work]"),
    ]
    assert problems[1].remedy == "did you mean 'fast'? Known: fast"
    assert problems[2].remedy == "give one of 1, 8"


def test_a_stored_run_that_is_there_relative_to_the_working_directory_is_named_as_the_plan_must(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "plans").mkdir()
    (problem,) = problems_of(folder / "plans", with_gates(GATE + 'against = "stored"\n'))
    assert problem.remedy == 'write against = "../stored"'


def test_a_claim_has_checks_each_with_a_value_or_a_ratio_and_a_threshold(tmp_path: Path) -> None:
    first, second = load(tmp_path, GOOD + CLAIMS).claims["port"].checks
    assert first.to is not None
    assert (first.to.arm, first.at_least, first.at_most) == ("baseline", 1.05, None)
    assert (second.to, second.of.load, second.of.level) == (None, "cold", 0.0)


@pytest.mark.parametrize(
    ("old", "new", "key", "found"),
    [
        ('arm = "new", scenario', 'arm = "nwe", scenario', ".0.of.arm", "there is no arm 'nwe'"),
        ('to = { scenario = "fast"', 'to = { scenario = "fats"', ".0.to.scenario", "no scenario 'fats'"),
        ('page = "home"', 'page = "away"', ".1.of.page", "there is no page 'away'"),
        ('"home" }', '"home", level = 64 }', ".1.of.level", "64 is not measured"),
        ("level = 1 }\nto", "level = 2 }\nto", ".0.of.level", "2 is not measured"),
        ("at_most = 2.5", "", ".1", "has none of these keys"),
        ('metric = "lcp"', 'metric = "p50"', ".1", 'the metric "lcp" goes with pages'),
        (
            'page = "home" }',
            'page = "home", scenario = "fast", level = 1 }',
            ".1.of",
            "has `scenario` and `page`",
        ),
        # Of a page:
        ("users = 64", "", "pages.busy", "has `scenario`"),
        ('"fast"\nusers', '"fats"\nusers', "pages.busy.scenario", "there is no scenario 'fats'"),
        ('"fast"\nusers', '"paced"\nusers', "pages.busy.scenario", "a load of the open model"),
        ('"/?delay=0"', '"delay"', "pages.fast.path", "is 'delay'"),
    ],
)
def test_a_wrong_check_of_a_claim_and_a_wrong_page_are_reported_with_their_keys(
    tmp_path: Path, old: str, new: str, key: str, found: str
) -> None:
    assert (CLAIMS + PAGES).count(old) == 1
    ((where, text), *_) = faults_of(tmp_path, GOOD + (CLAIMS + PAGES).replace(old, new))
    assert where == (key if key.startswith("pages") else f"claims.port.checks{key}")
    assert found in text


def test_gates_and_claims_need_given_levels(folder: Path) -> None:
    searched = "its rate is searched, and not measured at given levels"
    assert faults_of(folder, with_gates(GATE, plan=SEARCHED)) == [("gates.0.scenario", searched)]
    found = faults_of(folder, SEARCHED + CLAIMS)
    assert found == [(f"claims.port.checks.0.{side}.scenario", searched) for side in ("of", "to")]
    claims = CLAIMS.replace('[pages.home]\npath = "/"\n', "")
    found = faults_of(folder, with_gates(GATE, plan=GRID) + claims)
    beside = "stands beside [break_even], which measures not all of its levels"
    assert found == [("claims", beside), ("gates", beside)]


def test_a_page_is_loaded_idle_and_under_the_load_of_its_scenario(tmp_path: Path) -> None:
    pages = load(tmp_path, GOOD + PAGES).pages
    assert {name: page.conditions for name, page in pages.items()} == {"fast": (0,), "busy": (0, 64)}
    found = faults_of(tmp_path, GRID + '[pages.fast]\npath = "/"\n')
    assert found == [("pages", "stands beside [break_even], which measures not all of its levels")]
