from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from portcompare.analyse import GeneratorLimits
from portcompare.doctor.ceiling import Ceiling
from portcompare.doctor.judgement import find_distrust, judge_ceiling
from portcompare.records.rounds import Latency
from tests.altered import altered
from tests.measure.test_rounds import DONE

if TYPE_CHECKING:
    from portcompare.doctor.judgement import Finding

LIMITS = GeneratorLimits(max_cpu_ratio=0.9, max_lag_s=0.01, max_stall_s=0.1)
ALONE_S = Latency(p50=5e-05, p95=6e-05, p99=8e-05, p999=1e-04, max=1e-03)
CEILING = Ceiling(
    alone_s=ALONE_S,
    users=32,
    closed_rps=20_000.0,
    closed_low_rps=19_600.0,
    closed_high_rps=20_200.0,
    closed_cpu_ratio=0.99,
    error_kinds={},
    trusted_rps=14_000.0,
    trusted_cpu_ratio=0.88,
    trusted_lag_p99_s=0.0002,
    distrust="the load generator was at 91.0% of its CPU and may be the limit",
)
SOUND = altered(
    DONE,
    window_s=1.0,
    offered_rps=5000.0,
    rate_rps=4990.0,
    dropped=0,
    error_kinds={},
    failure=None,
    lag_p99_s=0.001,
)


def find(subject: str, *, apart: bool = True, **changes: Any) -> Finding:  # noqa: ANN401 - all a ceiling has
    findings = judge_ceiling(replace(CEILING, **changes), LIMITS, apart=apart)
    (finding,) = [one for one in findings if one.subject == subject]
    return finding


def test_a_generator_without_fault_has_nothing_to_be_done() -> None:
    findings = judge_ceiling(CEILING, LIMITS, apart=True)
    assert {finding.mark for finding in findings} == {"ok"}
    assert not any(finding.remedy or finding.disqualifies for finding in findings)


def test_what_was_measured_is_told_for_one_process_with_its_units() -> None:
    assert {one.subject: one.found for one in judge_ceiling(CEILING, LIMITS, apart=True)} == {
        "closed load": "20,000/s with 32 users by one load-generator process, its windows 3.00% apart",
        "open load": "up to 14,000/s can be trusted, by one load-generator process: CPU 88.0%, lag p99 "
        "200 us; beyond that: the load generator was at 91.0% of its CPU and may be the limit",
        "least latency": "p50 50.0 us, p99 80.0 us: what a server that does nothing seems to take",
    }


def test_where_every_rate_can_be_trusted_nothing_is_said_of_beyond() -> None:
    assert find("open load", distrust=None).found.endswith("lag p99 200 us")


def test_windows_that_differ_by_more_than_a_tenth_are_a_warning() -> None:
    assert find("closed load", closed_low_rps=18_200.0).mark == "ok"
    finding = find("closed load", closed_low_rps=18_100.0)
    assert finding.mark == "warning"
    assert "10.5% apart" in finding.found
    assert "too unsteady" in finding.remedy


def test_a_generator_that_did_not_get_its_cpu_can_do_more_if_it_had_one_of_its_own() -> None:
    finding = find("closed load", closed_cpu_ratio=0.36)
    assert finding.mark == "warning"
    assert "only 36.0% of its CPU" in finding.remedy
    assert find("closed load", closed_cpu_ratio=0.36, apart=False).mark == "ok"


def test_two_faults_of_the_closed_load_have_one_remedy() -> None:
    remedy = find("closed load", closed_cpu_ratio=0.36, closed_low_rps=10_000.0).remedy
    assert "only 36.0%" in remedy
    assert "too unsteady" in remedy
    assert remedy.count("close what else runs") == 1


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"error_kinds": {"too many open files": 1200}}, "1,200 x too many open files"),
        ({"closed_rps": 0.0, "closed_low_rps": 0.0, "closed_high_rps": 0.0}, "none was answered"),
    ],
)
def test_a_null_server_that_cannot_be_asked_disqualifies(changes: dict[str, Any], found: str) -> None:
    finding = find("closed load", **changes)
    assert finding.mark == "warning"
    assert finding.disqualifies
    assert found in finding.found
    assert finding.remedy


def test_a_machine_on_which_no_rate_can_be_trusted_is_disqualified() -> None:
    finding = find("open load", trusted_rps=None, trusted_cpu_ratio=None, trusted_lag_p99_s=None)
    assert finding.mark == "warning"
    assert finding.disqualifies
    assert "at 91.0% of its CPU" in finding.found
    assert finding.remedy
    unanswered = find(
        "open load", trusted_rps=None, trusted_cpu_ratio=None, trusted_lag_p99_s=None, distrust=None
    )
    assert unanswered.found.endswith(": no request was answered")


def test_a_generator_that_adds_more_than_a_millisecond_is_noted() -> None:
    assert find("least latency", alone_s=replace(ALONE_S, p99=0.001)).mark == "ok"
    finding = find("least latency", alone_s=replace(ALONE_S, p99=0.0011))
    assert finding.mark == "note"
    assert "p99 1.10 ms" in finding.found
    assert finding.remedy
    assert not finding.disqualifies


def test_no_latency_at_all_disqualifies() -> None:
    assert find("least latency", alone_s=None).disqualifies


def test_a_window_without_fault_can_be_trusted() -> None:
    assert find_distrust(SOUND, LIMITS) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"void": "2 of 256 users had no answer"}, "2 of 256 users had no answer"),
        ({"error_kinds": {"connection reset": 1}}, "there were failures: connection reset"),
        ({"generator_cpu_ratio": 0.91}, "the load generator was at 91.0% of its CPU and may be the limit"),
        ({"rate_rps": 4940.0}, "4,940/s were answered where 5,000/s were offered"),
        ({"rate_rps": 5060.0}, "5,060/s were answered where 5,000/s were offered"),
    ],
)
def test_a_window_with_a_fault_cannot_be_trusted(changes: dict[str, Any], reason: str) -> None:
    assert find_distrust(replace(SOUND, **changes), LIMITS) == reason


def test_one_request_more_or_less_may_be_missed_however_few_are_offered() -> None:
    few = altered(SOUND, offered_rps=10.0)
    assert find_distrust(altered(few, rate_rps=9.0), LIMITS) is None
    assert find_distrust(altered(few, rate_rps=8.5), LIMITS) is not None
