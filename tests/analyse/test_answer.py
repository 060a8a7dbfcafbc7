import pytest

from portcompare.analyse.answer import find_answer, find_ports
from portcompare.plan import Plan
from portcompare.records.estimates import Comparison, Estimate, Verdict
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.records.sweeps import Capacity
from tests.altered import altered
from tests.analyse.samples import COMPARISON
from tests.measure.plans import add_open, make_plan


def plan_of(**port: str) -> Plan:
    """A plan whose baseline is Flask, `new` a port of it, and `newer` Flask on another server."""
    data = make_plan().as_json() | {"origins": make_plan().origins}
    data["apps"]["port"] = {"target": "port:app", "interface": "asgi"} | port
    data["deployments"]["new"] = {"app": "port", "server": "hypercorn"}
    return Plan.model_validate(data)


def one(
    candidate: str, point: float, *, scenario: str = "fast", level: float = 8.0, half: float = 0.01
) -> Comparison:
    """A throughput with an interval of so much to either side."""
    verdict: Verdict = "inconclusive"
    if abs(point - 1) < 0.02 and half < 0.02:
        verdict = "equivalent"
    elif half < 0.1:
        verdict = "faster" if point > 1 else "slower"
    ends = {"low": point * (1 - half), "high": point * (1 + half)}
    return altered(
        COMPARISON, candidate=candidate, scenario=scenario, level=level, point=point, verdict=verdict, **ends
    )


NOISE = "machine noise: two instances of the baseline differ by 0.5x to 2x"
WIDE = altered(one("new", 1.2), low=0.4, high=3.0, verdict="inconclusive", reason=NOISE)
GAIN = one("new", 8.0, scenario="slow", level=64.0)


PAYS = "Porting pays on `slow` at 64 users: 8.0x the throughput on new"
CANNOT = "On `fast` this run cannot tell what porting gains"
SAME, LESS = (one("newer", point, scenario="slow", level=64.0) for point in (8.0, 4.0))
# One of many comparisons is beyond the margin by chance now and then.
MANY = [one("new", 1.08, half=0.02), *(one("newer", 1.0, level=float(level)) for level in range(20))]
CASES = [
    ([GAIN], f"{PAYS}."),
    ([GAIN, SAME], f"{PAYS}, but newer gives the same without a port."),
    ([GAIN, LESS], f"{PAYS}, but newer gives 4.0x without a port."),
    ([one("new", 0.6), GAIN], f"{PAYS}. On `fast` porting loses: 0.60x the throughput on new at 8 users."),
    ([GAIN, one("new", 0.5, scenario="slow", level=1.0)], f"{PAYS}; it loses on new at 1 user (0.50x)."),
    (
        [one("new", 0.6), one("new", 1.05, level=64.0, half=0.2)],
        "On `fast` porting loses: 0.60x the throughput on new at 8 users.",
    ),
    ([one("new", 1.0), GAIN], f"{PAYS}. On `fast` porting gains nothing."),
    (
        [one("new", 1.0), one("newer", 1.5)],
        "On `fast` porting gains nothing, but newer gives 1.5x at 8 users without a port.",
    ),
    ([WIDE], f"{CANNOT} (new at 8 users: {NOISE})."),
    ([one("new", 1.05, half=0.2)], f"{CANNOT} (new at 8 users is between 0.840x and 1.26x)."),
    (MANY, f"{CANNOT} (new at 8 users looks faster, 1.1x, but that may be chance)."),
    ([one(CONTROL, 1.0)], "No answer: no port was compared."),
    ([one("newer", 1.5)], "No answer: no port was compared."),
    ([one("newer", 1.0), GAIN], f"{PAYS}."),
]


@pytest.mark.parametrize(("found", "answer"), CASES)
def test_the_answer_says_where_porting_pays_and_claims_nothing_that_was_not_shown(
    found: list[Comparison], answer: str
) -> None:
    assert find_answer(plan_of(), found, (), ()) == answer


def test_a_run_that_is_not_valid_has_no_answer() -> None:
    reasons = ("too noisy: the control came out slower. Close other programs", "2 of 4 rounds were discarded")
    found = find_answer(plan_of(), [one("new", 2.0)], (), reasons)
    assert found == "No answer, as this run is not valid: too noisy (and 1 more reason)."


def test_without_a_port_it_is_about_deployments_and_an_open_load_is_judged_by_its_response_time() -> None:
    assert find_ports(plan_of()) == {"new"}
    assert find_ports(plan_of(interface="wsgi")) == frozenset()
    plan = add_open(make_plan())
    (scenario,) = plan.scenarios.keys() - {"fast", "slow"}
    found = altered(one("new", 0.5, scenario=scenario, level=400.0), metric="p50", verdict="faster")
    rate = one("new", 1.0, scenario=scenario, level=400.0)
    assert find_answer(plan, [rate, found], (), ()) == (
        f"Another deployment pays on `{scenario}` at 400 requests/s: 0.50x the median response time on new."
    )


def test_capacities_are_answered_too() -> None:
    ratio = Estimate(point=3.0, low=2.9, high=3.1, blocks=3, verdict="faster")
    rates = {BASELINE: None, "new": ratio}
    capacities = [
        Capacity(scenario="fast", arm=arm, rate_rps=Estimate(point=300.0), is_at_least=False, ratio=found)
        for arm, found in rates.items()
    ]
    assert find_answer(plan_of(), (), capacities, ()) == "Porting pays on `fast`: 3.0x the capacity on new."


def test_what_is_too_long_to_be_read_is_counted() -> None:
    scenarios = {f"s{number}": plan_of().scenarios["fast"] for number in range(9)}
    plan = plan_of().model_copy(update={"scenarios": scenarios})
    answer = find_answer(plan, [one("new", 2.0, scenario=name) for name in scenarios], (), ())
    assert answer.count("Porting pays") == 3
    assert answer.endswith("There is an answer for 6 more scenarios in the lines below.")
