"""What the plan's gates and claims came to, in every format."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from portcompare.records.estimates import Estimate
from portcompare.records.results import CheckResult, ClaimResult, GateResult, Results, Subject
from portcompare.report.formats import data, junit
from portcompare.report.formats.terminal import render_conclusions
from portcompare.report.sections.conclusions import claim_tables, gate_tables
from tests.altered import altered
from tests.report.conftest import printed
from tests.runs import HOSTILE, make_run

CHECK = CheckResult(
    name="",
    metric="throughput",
    subject=Subject(arm="quart-uvicorn", scenario="delayed", level=64.0),
    reference=Subject(arm="baseline", scenario="delayed", level=64.0),
    at_least=2.0,
    at_most=None,
    value=Estimate(point=8.0, low=7.9, high=8.1, blocks=5),
    outcome="kept",
    reason="the whole interval keeps the limit",
)
KEPT = GateResult(check=CHECK, inconclusive="fail", passed=True)
CROSSED = altered(KEPT, outcome="inconclusive", passed=False, at_least=8.0, at_most=9.0, reason="crosses")
FORGIVEN = replace(CROSSED, inconclusive="pass", passed=True)
UNKNOWN = altered(
    KEPT,
    subject=replace(CHECK.subject, arm=HOSTILE[1]),
    reference=None,
    against="<b>../runs/old</b>",
    relative=True,
    value=Estimate(),
    outcome="not judged",
    passed=False,
    reason=HOSTILE[0],
)
RUN = replace(make_run(1, blocks=4), gates=(KEPT, CROSSED, FORGIVEN, UNKNOWN))
NO_GATES = junit.render(replace(RUN, gates=())).partition("\n")[2]


def test_each_gate_is_a_row_with_its_limit_its_value_and_what_came_of_it() -> None:
    (table,) = gate_tables(RUN)
    assert table.title == "Gates: 2 of 4 not passed"
    kept, crossed, forgiven, unknown = (" ".join(row) for row in table.rows)
    assert kept == (
        "Throughput of quart-uvicorn (delayed, 64 users) at least 2x 8.00x [7.90x, 8.10x] kept"
        " the whole interval keeps the limit"
    )
    assert "at least 8x, at most 9x 8.00x [7.90x, 8.10x] inconclusive crosses; so it does not pass" in crossed
    assert "crosses; the plan lets it pass" in forgiven
    assert "not known not known not judged <script>alert(1)</script>" in unknown
    assert "/ baseline against <b>../runs/old</b> (delayed, 64 users)" in unknown


def test_junit_fails_for_each_that_is_not_passed_and_skips_what_is_let_pass() -> None:
    root = ET.fromstring(junit.render(RUN).partition("\n")[2])  # noqa: S314 - made here
    (suite,) = (one for one in root if one.get("name") == "gates")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "2", "1")
    assert suite[0].get("name") == "Throughput of quart-uvicorn (delayed, 64 users): at least 2x"
    assert [failure.get("type") for failure in suite.iter("failure")] == ["inconclusive", "not judged"]
    assert all(one.get("name") != "gates" for one in ET.fromstring(NO_GATES))  # noqa: S314 - made here


def test_each_is_a_metric_with_its_outcome() -> None:
    families = text_string_to_metric_families(data.render_openmetrics(RUN))  # type: ignore[no-untyped-call]
    (gates,) = [one.samples for one in families if one.name == "portcompare_gate_passed"]
    assert [one.value for one in gates] == [1, 0, 1, 0]
    place = {"gate": "0", "scenario": "delayed", "level": "64", "candidate": "quart-uvicorn"}
    assert gates[0].labels == place | {"metric": "throughput", "outcome": "kept"}
    assert gates[3].labels["outcome"] == "not judged"


def test_the_terminal_shows_gates_within_80_columns_and_raises_no_alarm_of_passed_ones_or_none() -> None:
    told = printed(render_conclusions(RUN), width=80)
    assert "GATES: 2 of 4 not passed" in told
    assert told.count("\ngate ") == 4
    assert max(map(len, told.splitlines())) <= 80
    assert "\u202e" not in told
    told = printed(render_conclusions(replace(RUN, gates=(KEPT,))))
    assert "gate kept: 8.00x [7.90x, 8.10x], at least 2x: " in told
    assert "GATES" not in told
    assert "gate" not in printed(render_conclusions(replace(RUN, gates=()))).lower()


RATIO = replace(
    CHECK,
    name="one user",
    metric="p50",
    subject=Subject(arm="baseline", scenario="slow", level=1.0),
    reference=Subject(arm="baseline", scenario="fast", level=1.0),
    value=Estimate(point=100.0, low=90.0, high=110.0, blocks=5),
    at_least=10.0,
)
SHORT = Estimate(point=0.002, low=0.0019, high=0.0021, blocks=5)
VALUE = replace(RATIO, reference=None, value=SHORT, at_least=None, at_most=0.01, outcome="broken")
RATE = replace(
    RATIO, metric="throughput", reference=None, value=Estimate(blocks=5), at_least=500.0, outcome="not judged"
)
TEXT = "Slow work makes answers slow"
CLAIM = ClaimResult(
    name="slow-work", text=TEXT, verdict="depends", reason="true: one user", checks=(RATIO, VALUE, RATE)
)


def test_a_claim_has_its_verdict_and_the_checks_behind_it(results: Results) -> None:
    verdicts, checks = claim_tables(replace(results, claims=(CLAIM,)))
    assert verdicts.rows == ((TEXT, "depends", "true: one user"),)
    assert checks.rows[0][3:5] == ("slow at 1 on baseline", "fast at 1 on baseline")
    assert [row[5:] for row in checks.rows] == [
        ("100x [90.0x, 110x]", "at least 10.0x", "yes", "5"),
        ("2.00 ms [1.90 ms, 2.10 ms]", "at most 10.0 ms", "no", "5"),
        ("not known", "at least 500/s", "cannot tell", "5"),
    ]


def test_the_terminal_shows_the_verdicts_of_claims_alone(results: Results) -> None:
    told = printed(render_conclusions(replace(results, claims=(CLAIM,))), width=200)
    assert TEXT in told
    assert "depends" in told
    assert "Checks of the claims" not in told
