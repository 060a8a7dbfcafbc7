from pathlib import Path

import pytest

from portcompare.plan import OpenLoad, Plan
from portcompare.plan.scenarios import ClosedLoad
from tests.plan.plans import BEFORE, GOOD, LISTED, LOAD, SCENARIO, changed, faults_of, load, problem_of

MODELS = "should be 'closed' (with `users`) or 'open' (with `rates` or `objective`)"
UNKNOWN = "there is no such key"
OPEN_KEYS = "known: arrivals, connections, model, objective, rates"
RATES_OR_OBJECTIVE = "give exactly one of `rates`, `objective`"
NONE = "has none of these keys"
OBJECTIVE = '{ model = "open", objective = { p99 = 0.5 } }'


def with_load(text: str, more: str = "") -> str:
    return changed(LOAD, f"{more}load = {text}")


def read(path: Path, text: str, more: str = "") -> Plan:
    return load(path, with_load(text, more))


@pytest.mark.parametrize("text", ["{ users = [8, 1, 8] }", '{ model = "closed", users = [8, 1, 8] }'])
def test_a_load_without_a_model_is_closed(tmp_path: Path, text: str) -> None:
    plan = read(tmp_path, text)
    assert plan.scenarios["fast"].load == ClosedLoad(users=[8, 1, 8])
    assert plan.levels == (("fast", 1), ("fast", 8))
    assert plan.level_text("fast", 8) == "8 users"
    assert plan.scenarios["fast"].load.concurrency(8) == 8


def test_the_levels_of_an_open_load_are_its_rates(tmp_path: Path) -> None:
    plan = read(tmp_path, '{ model = "open", rates = [400, 2.5, 400] }')
    defaults = OpenLoad(model="open", rates=[400, 2.5, 400], arrivals="poisson", connections=256)
    assert plan.scenarios["fast"].load == defaults
    assert plan.levels == (("fast", 2.5), ("fast", 400.0))
    assert plan.level_text("fast", 400.0) == "400 requests/s"
    assert plan.scenarios["fast"].load.concurrency(400.0) == 256
    assert plan.searches == {}
    plan = read(tmp_path, '{ model = "open", rates = [1], arrivals = "even", connections = 9 }')
    assert plan.scenarios["fast"].load == OpenLoad(model="open", rates=[1.0], arrivals="even", connections=9)


@pytest.mark.parametrize(
    ("text", "key", "found", "remedy"),
    [
        ("{ rates = [1] }", ".model", "is missing", MODELS),
        ("{ objective = { p99 = 0.5 } }", ".model", "is missing", MODELS),
        ('{ model = "opne", rates = [1] }', ".model", "is 'opne'", MODELS),
        ("{ model = 3, users = [1] }", ".model", "is 3", MODELS),
        ("{}", ".users", "is missing", "add it"),
        ("{ users = [] }", ".users", "at least 1 item after validation, not 0 (found [])", LISTED),
        ("{ users = [0] }", ".users.0", "greater than or equal to 1 (found 0)", LISTED),
        ('{ users = ["1"] }', ".users.0", "should be a valid integer (found '1')", LISTED),
        ("[32]", "", "should be a valid dictionary or instance of ClosedLoad (found [32])", LISTED),
        ('{ users = [1], arrivals = "even" }', ".arrivals", "there is no such key", "known: model, users"),
        ('{ model = "open" }', "", NONE, RATES_OR_OBJECTIVE),
        (
            '{ model = "open", rates = [1], objective = { p99 = 0.5 } }',
            "",
            "has `rates` and `objective`",
            RATES_OR_OBJECTIVE,
        ),
        ("{ users = [100_001] }", ".users.0", "less than or equal to 100000 (found 100001)", LISTED),
        ('{ model = "open", rates = [1, 0] }', ".rates.1", "greater than 0 (found 0)", LISTED),
        (
            '{ model = "open", rates = [inf] }',
            ".rates.0",
            "less than or equal to 1000000 (found inf)",
            LISTED,
        ),
        ('{ model = "open", objective = {} }', ".objective", "at least one of `p50`", LISTED),
        ('{ model = "open", objective = { p99 = 0 } }', ".objective.p99", "greater than 0 (found 0)", LISTED),
        ('{ model = "open", objective = { p98 = 0.5 } }', ".objective.p98", UNKNOWN, "did you mean 'p99'? "),
        ('{ model = "open", rates = [1], arrivals = "x" }', ".arrivals", "'poisson' or 'even'", LISTED),
        ('{ model = "open", rates = [1], connections = 0 }', ".connections", "equal to 1 (found 0)", LISTED),
        ('{ model = "open", rates = [1], arivals = "x" }', ".arivals", UNKNOWN, "did you mean 'arrivals'? "),
        ('{ model = "open", users = [1] }', ".users", UNKNOWN, OPEN_KEYS),
    ],
)
def test_a_wrong_load_is_reported_by_its_own_keys(
    tmp_path: Path, text: str, key: str, found: str, remedy: str
) -> None:
    problem = problem_of(tmp_path, with_load(text), f"scenarios.fast.load{key}")
    assert found in problem.found
    assert problem.remedy.startswith(remedy)


DELAYED = "delay_s = 0.2\nseconds = 1\n"


@pytest.mark.parametrize(
    ("fits", "too_much", "found"),
    [
        (
            '{ model = "open", rates = [100, 10], connections = 20 }',
            '{ model = "open", rates = [100, 10], connections = 19 }',
            "the highest rate needs 20 connections, more than load.connections, 19",
        ),
        (
            '{ model = "open", objective = { p99 = 0.5, p50 = 0.21 } }',
            '{ model = "open", objective = { p99 = 0.5, p50 = 0.2 } }',
            "each response takes at least 0.2 s, so the objective p50 = 0.2 can never be kept",
        ),
    ],
)
def test_a_load_that_the_delay_makes_impossible_is_refused(
    tmp_path: Path, fits: str, too_much: str, found: str
) -> None:
    assert read(tmp_path, fits, DELAYED)
    ((key, reported),) = faults_of(tmp_path, with_load(too_much, DELAYED))
    assert (key, reported) == ("scenarios.fast", f"with this delay_s {found}")


def test_rates_that_keep_an_objective_can_be_searched(tmp_path: Path) -> None:
    more = f'load = {OBJECTIVE}\n\n[scenarios.other]\nrequest = {{ path = "/" }}\n'
    plan = read(tmp_path, '{ model = "open", objective = { p99 = 0.5, p50 = 0.1 } }', more)
    assert plan.searches.keys() == {"fast", "other"}
    assert plan.searches["other"].limits_s == {"p50": 0.1, "p99": 0.5}
    assert plan.searches["other"].quantile == 0.99
    assert plan.levels == ()


@pytest.mark.parametrize("text", ["{ users = [1] }", '{ model = "open", rates = [1] }'])
def test_an_objective_beside_levels_is_refused(tmp_path: Path, text: str) -> None:
    more = f'load = {text}\n\n[scenarios.other]\nrequest = {{ path = "/" }}\n'
    found = "is searched for, while these scenarios have given levels: fast"
    assert faults_of(tmp_path, with_load(OBJECTIVE, more)) == [("scenarios.other.load.objective", found)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("", NONE),
        ("requests = []", NONE),
        ('request = { path = "/" }\nuser = "A"', "has `user` and `request`"),
        ('request = { path = "/" }\nrequests = [{ path = "/" }]', "has `request` and `requests`"),
        ('user = "Own"\nlogin = [{ path = "/" }]', "`login` goes with `request` or `requests`: "),
    ],
)
def test_a_scenario_has_one_source(tmp_path: Path, source: str, found: str) -> None:
    ((key, text),) = faults_of(tmp_path, f"{BEFORE}[scenarios.s]\n{LOAD}\n{source}\n")
    assert key == "scenarios.s"
    assert text.startswith(found)


def test_slots_are_a_number_or_a_known_word_by_the_name_of_an_app(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD + 'slots = { quart = "event-loop", flask = 3 }\n')
    for slots in ("0", "-1", '"loop"', "1.5"):
        found = faults_of(tmp_path, GOOD + f"slots = {{ quart = {slots} }}\n")
        assert all(key.startswith("scenarios.fast.slots.quart") for key, _ in found)
    assert faults_of(tmp_path, GOOD + 'slots = { qart = "event-loop" }\n') == [
        ("scenarios.fast.slots.qart", "there is no app 'qart'")
    ]


def test_a_round_lasts_at_least_five_delays(tmp_path: Path) -> None:
    for lines, rounds in (("seconds = 1.5\n", ""), ("", "[rounds]\nseconds = 1.5")):
        text = changed(LOAD, f"delay_s = 0.3\n{lines}{LOAD}\n\n{rounds}")
        assert load(tmp_path, text).window_s("fast") == 1.5
    for lines, rounds in (("seconds = 1.0\n", "[rounds]\nseconds = 9.0"), ("", "")):
        text = changed(LOAD, f"delay_s = 0.3\n{lines}{LOAD}\n\n{rounds}")
        problem = problem_of(tmp_path, text, "scenarios.fast")
        assert problem.found == "rounds of 1 s are shorter than 5 delays of 0.3 s"
        assert problem.remedy == "set seconds = 1.5 or more for this scenario"


GRID = '[break_even]\npath = "/data?x=1"\ndelay_s = [0.2, 0, 1, 0.2]\nusers = [64, 1, 8, 8]\n'


def test_a_grid_makes_a_scenario_of_each_delay(tmp_path: Path) -> None:
    plan = load(tmp_path, BEFORE + GRID)
    assert list(plan.scenarios) == ["delay 0 s", "delay 0.2 s", "delay 1 s"]
    assert plan.break_even is not None
    assert plan.break_even.delays_s == {"delay 0 s": 0.0, "delay 0.2 s": 0.2, "delay 1 s": 1.0}
    ((spec, _),) = plan.scenarios["delay 0.2 s"].weighted_specs(tmp_path)
    assert spec.target == "/data?x=1&delay=0.2"
    assert plan.scenarios["delay 0.2 s"].delay_s == 0.2
    assert plan.levels[3:6] == (("delay 0.2 s", 1), ("delay 0.2 s", 8), ("delay 0.2 s", 64))
    plan = load(tmp_path, BEFORE + GRID.replace("users", 'parameter = "sleep"\nusers'))
    assert plan.scenarios["delay 1 s"].weighted_specs(tmp_path)[0][0].target == "/data?x=1&sleep=1"
    for seconds, windows_s in ((1, [1, 1, 5]), (2, [2, 2, 5]), (9, [9, 9, 9])):
        plan = load(tmp_path, f"{BEFORE}{GRID}[rounds]\nseconds = {seconds}\n")
        assert [plan.window_s(name) for name in plan.scenarios] == windows_s  # long enough for the delay


@pytest.mark.parametrize(
    ("old", "new", "key", "found"),
    [
        ("[0.2, 0, 1, 0.2]", "[0.2, -1]", ".delay_s.1", "greater than or equal to 0 (found -1)"),
        ("[0.2, 0, 1, 0.2]", "[0.2]", ".delay_s", "at least 2 items after validation, not 1 (found [0.2])"),
        ("[64, 1, 8, 8]", "[1, 2.5]", ".users.1", "a valid integer (found 2.5)"),
        ('path = "/data?x=1"\n', "", ".path", "is missing"),
        ("users", "user", ".user", "there is no such key"),
    ],
)
def test_a_wrong_grid_is_reported_by_its_own_keys(
    tmp_path: Path, old: str, new: str, key: str, found: str
) -> None:
    reported = dict(faults_of(tmp_path, BEFORE + GRID.replace(old, new)))
    assert found in reported[f"break_even{key}"]
    assert all(where.startswith("break_even.") for where in reported)


def test_a_plan_has_either_a_grid_or_scenarios_and_a_wrong_round_is_reported_once(tmp_path: Path) -> None:
    for seconds in ('"1"', "-1", "0", "inf", "nan"):
        text = BEFORE + GRID + f"[rounds]\nseconds = {seconds}\n"
        assert [key for key, _ in faults_of(tmp_path, text)] == ["rounds.seconds"]
    assert faults_of(tmp_path, GOOD + GRID) == [("break_even", "stands beside [scenarios]")]
    same_name = SCENARIO.replace("fast", '"delay 0 s"')
    assert faults_of(tmp_path, BEFORE + same_name + GRID) == [("break_even", "stands beside [scenarios]")]
    assert faults_of(tmp_path, BEFORE) == [("scenarios", "is missing")]
