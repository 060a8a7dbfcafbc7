from dataclasses import replace
from typing import Any, cast, get_args

import pytest

from portcompare.analyse.checks import judge_gate
from portcompare.analyse.comparisons import compare
from portcompare.history.summaries import find_quantities
from portcompare.plan import Gate
from portcompare.plan.schema import Margins
from portcompare.records.metrics import METRICS, Metric, MetricName
from portcompare.records.results import Results
from portcompare.records.rounds import BASELINE, Round
from portcompare.report.formats.data import render_comparisons as render
from portcompare.report.sections.conclusions import gate_tables
from portcompare.report.sections.measured import comparison_rows
from tests.altered import altered
from tests.analyse.samples import CANDIDATE, ROUND, SUMMARY
from tests.runs import make_run

RUN = make_run(1)
SIZE = cast("MetricName", "response_bytes")
MARGINS: dict[MetricName, float] = {**{name: metric.margin for name, metric in METRICS.items()}, SIZE: 0.05}


@pytest.fixture(autouse=True)
def _size_is_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    metric = Metric(
        label="Response size",
        noun="response size",
        value=lambda one: one.load.received_bytes_per_request,
        unit="bytes",
        per_unit=1.0,
        show=lambda value: f"{value:g} bytes",
        better="smaller",
        worse="larger",
        least_requests=1,
        margin=0.05,
    )
    monkeypatch.setitem(METRICS, SIZE, metric)


def rounds() -> list[Round]:
    sizes = {BASELINE: 200.0, CANDIDATE: 100.0}
    return [
        altered(ROUND, arm=arm, deployment=arm, block=block, received_bytes_per_request=size)
        for arm, size in sizes.items()
        for block in range(3)
    ]


def run() -> Results:
    measured = tuple(rounds())
    return replace(
        RUN,
        rounds=measured,
        comparisons=compare(measured, MARGINS),
        summaries=tuple(replace(SUMMARY, arm=arm, deployment=arm) for arm in (BASELINE, CANDIDATE)),
    )


def test_a_metric_that_is_added_to_the_table_is_compared_judged_reported_and_kept_in_the_history() -> None:
    found = {one.metric: one.ratio for one in compare(rounds(), MARGINS)}[SIZE]
    assert found.point == pytest.approx(0.5)
    assert (found.blocks, found.verdict) == (3, "faster")
    (*_, ratio, _, _, verdict, _) = next(row for row in comparison_rows(run()) if row[2] == "Response size")
    assert (ratio, verdict) == ("0.500x", "smaller")
    assert f",{SIZE},{CANDIDATE},3,0.5" in render(run())
    quantity = next(
        one for one in find_quantities(run()) if (one.metric, one.deployment) == (SIZE, CANDIDATE)
    )
    assert quantity.value.point == pytest.approx(100.0)
    assert quantity.ratio is not None


def test_a_metric_that_is_added_to_the_table_can_be_limited_by_a_gate() -> None:
    gate = Gate(metric="throughput", scenario="fast", candidate=CANDIDATE, max_ratio=0.9)
    gate = gate.model_copy(update={"metric": SIZE})
    ratios: dict[Any, Any] = {
        (one.scenario, one.level, one.metric, one.candidate): one.ratio for one in run().comparisons
    }
    found = judge_gate(gate, ROUND.level, ratios, None)
    assert found.passed
    (table,) = gate_tables(replace(run(), gates=(found,)))
    assert table.rows[0][0] == f"Response size of {CANDIDATE} (fast, level 4)"


def test_the_plan_takes_names_and_margins_from_the_table() -> None:
    names = [name for name in METRICS if name != SIZE]
    assert list(get_args(MetricName)) == names
    assert Margins().model_dump() == {name: METRICS[name].margin for name in names}
