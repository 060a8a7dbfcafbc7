from array import array
from random import Random

import numpy as np
import pytest

from portcompare.loadgen.figures import make_histogram
from portcompare.loadgen.tallies import Tally
from portcompare.loadgen.webui.ledger import BATCH_SECONDS, Ledger, make_cells
from tests.loadgen.webui.reports import report

FLASK, QUART = ("delayed", "flask"), ("delayed", "quart")


def test_totals_are_the_exact_merge_of_what_all_processes_counted() -> None:
    source = Random(1)  # noqa: S311 - to be repeated
    ledger, seen = Ledger(1), []
    for second in range(4):
        for process in ("one", "two", "three"):
            times_s = [source.expovariate(20) for _ in range(50)]
            seen += times_s
            ledger.add(process, report(second, {QUART: times_s}, failures={QUART: 1}))
    expected = make_histogram(np.array(seen))
    total = ledger.totals[QUART]
    assert total.requests == len(seen) == expected.get_total_count()
    assert total.failures == 12
    assert list(total.histogram.counts) == list(expected.counts)


def test_a_second_is_closed_when_all_processes_have_reported_of_it() -> None:
    ledger = Ledger(1, began_at_s=1000.0, processes=2)
    ledger.add("one", report(0, {FLASK: [0.1] * 3}))
    assert ledger.close_seconds() == []
    ledger.add("two", report(0, {FLASK: [0.1] * 4}))
    ledger.add("one", report(1, {FLASK: [0.1] * 5}))
    (point,) = ledger.close_seconds()
    assert point.at_s == 1001.0
    assert point.figures[FLASK]["rate_rps"] == 7
    assert point.figures[FLASK]["p50_ms"] == pytest.approx(100, rel=1e-3)
    ledger.add("two", report(1, {FLASK: [0.1] * 6}))
    assert [point.figures[FLASK]["rate_rps"] for point in ledger.close_seconds()] == [11]
    assert ledger.close_seconds() == []


@pytest.mark.parametrize(("lost", "rates"), [((), [2] * 7), (("lost",), [3, *[2] * 6])])
def test_a_process_that_never_reports_or_is_lost_does_not_stop_the_charts(
    lost: tuple[str, ...], rates: list[float]
) -> None:
    ledger = Ledger(1, processes=2)
    for process in lost:
        ledger.add(process, report(0, {FLASK: [0.1]}))
    for second in range(10):
        ledger.add("one", report(second, {FLASK: [0.1] * 2}))
    assert [point.figures[FLASK]["rate_rps"] for point in ledger.close_seconds()] == rates
    assert len(ledger.close_seconds(is_over=True)) == 3


def test_a_process_that_joins_late_counts_from_the_second_it_joined_in() -> None:
    ledger = Ledger(None)
    for second in range(10):
        ledger.add("one", report(second, {FLASK: [0.1]}, test=None))
    ledger.close_seconds()
    ledger.add("late", report(0, {FLASK: [0.1]}, test=None))
    (point,) = ledger.close_seconds(is_over=True) or (None,)
    assert ledger.totals[FLASK].requests == 11
    assert point is None  # the tenth second had been closed: it is in the totals alone


def test_the_rest_of_a_second_is_counted_but_makes_no_point_and_an_earlier_test_is_not_counted() -> None:
    ledger = Ledger(2)
    ledger.add("one", report(0, {FLASK: [0.1] * 10}, test=2))
    ledger.add("one", report(1, {FLASK: [0.1]}, test=2, length_s=0.05))
    ledger.add("one", report(7, {FLASK: [0.1]}, test=1))
    assert len(ledger.close_seconds(is_over=True)) == 1
    assert ledger.totals[FLASK].requests == 11
    assert ledger.length_s == pytest.approx(1.05)


def test_batches_begin_when_all_users_have_started_and_hold_the_same_seconds_of_each_line() -> None:
    ledger = Ledger(1)
    ledger.add("one", report(0, {FLASK: [0.1], QUART: [0.1]}))
    ledger.close_seconds()
    ledger.note_all_users_started()
    ledger.add("one", report(1, {FLASK: [0.1], QUART: [0.1]}))  # in it the last user came: of no batch
    for second in range(2, 2 * BATCH_SECONDS + 2):
        ledger.add("one", report(second, {FLASK: [0.1] * 10, QUART: [0.1] * 20}))
    ledger.close_seconds()
    assert list(ledger.batches) == [{FLASK: 50, QUART: 100}] * 2


def test_keys_without_a_line_are_left_out_and_labels_do_not_matter() -> None:
    tallies = {
        ("quart /data [step 2: 8 users]", "GET"): Tally(latencies_s=array("d", [0.1])),
        ("somebody else's", "GET"): Tally(latencies_s=array("d", [0.1])),
    }
    cells = make_cells(tallies, {("quart /data", "GET"): ("Data", "quart")}, " [step 2: 8 users]")
    assert [(cell.scenario, cell.arm) for cell in cells] == [("Data", "quart")]


def test_what_a_process_counted_while_it_stood_still_is_left_out_and_its_seconds_go_on_with_the_others() -> (
    None
):
    ledger = Ledger(1, processes=2)
    for second in range(10):
        ledger.add("one", report(second, {FLASK: [0.1] * 2}))
    ledger.add("two", report(0, {FLASK: [11.0]}, length_s=11.0))
    ledger.close_seconds()
    ledger.add("two", report(1, {FLASK: [0.1]}))
    for second in (10, 11):
        ledger.add("one", report(second, {FLASK: [0.1] * 2}))
        ledger.add("two", report(second - 8, {FLASK: [0.1]}))
    assert [point.figures[FLASK]["rate_rps"] for point in ledger.close_seconds()][-2:] == [3, 3]
    assert ledger.totals[FLASK].requests == 12 * 2 + 3
    assert ledger.totals[FLASK].histogram.get_max_value() < 200_000
