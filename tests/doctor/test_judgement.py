from dataclasses import replace
from typing import Any

import pytest

from portcompare.doctor.judgement import Finding, judge_ceiling, judge_machine, why_untrusted
from portcompare.plan import Generator
from tests.altered import altered
from tests.doctor.samples import CEILING, GIB, LATENCY_S, MACHINE
from tests.measure.plans import DONE

LIMITS = Generator(max_cpu_ratio=0.9, max_lag_s=0.01, max_stall_s=0.1)
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


ON_ONE = {"usable_cpus": (2,), "server_cpus": (2,), "generator_cpus": (2,), "cpu_model": ""}
LACKING = {"a": ("a",), "b-c": ("b", "c")}


def of_machine(subject: str, **changes: Any) -> Finding:  # noqa: ANN401 - whatever a machine has
    (finding,) = [one for one in judge_machine(replace(MACHINE, **changes)) if one.subject == subject]
    return finding


def test_facts_have_their_units_and_those_without_a_fault_need_nothing() -> None:
    findings = (*judge_machine(MACHINE), *judge_ceiling(CEILING, LIMITS, apart=True))
    assert {finding.mark for finding in findings} == {"ok"}
    assert not any(finding.remedy or finding.disqualifies for finding in findings)
    assert {finding.subject: finding.found for finding in findings} == {
        "CPUs": "4 CPUs (Fast CPU), a server with one worker on CPU 0, load generator on CPU 3",
        "other work": "2.00% of the busiest CPU used by other processes, load average 0.300",
        "CPU clock rate": "governor performance",
        "open files": "20,000 for each process that portcompare starts: 19,936 users",
        "listen backlog": "up to 4,096 connections wait to be accepted",
        "memory": "6.00 GiB available of 8.00 GiB",
        "kernel": "Linux 6.1",
        "clock": "steps of 0.0500 us, source tsc",
        "server programs": "gunicorn 23.0, uvicorn 0.34",
        "browser": "/usr/bin/chromium, Playwright 1.49",
        "closed load": "20,000/s with 32 users by one load-generator process, its windows 3.00% apart",
        "open load": "up to 14,000/s can be trusted, by one load-generator process: CPU 88.0%, lag p99 "
        "200 us; beyond that: the load generator was at 91.0% of its CPU and may be the limit",
        "least latency": "p50 50.0 us, p99 80.0 us: the latency of a server that does nothing",
    }


@pytest.mark.parametrize(
    ("subject", "changes", "mark", "found", "remedy"),
    [
        ("CPUs", ON_ONE, "warning", "4 CPUs, 1 usable, servers and load generator share CPU 2", "two CPUs"),
        ("CPUs", {"cpu_quota": 1.5}, "warning", "limited to the time of 1.50", "raise the container's limit"),
        ("CPUs", {"cpu_quota": 4.0}, "ok", "limited to the time of 4.00", ""),
        ("other work", {"busy_ratio": 0.1}, "ok", "10.0%", ""),
        ("other work", {"busy_ratio": 0.11}, "warning", "11.0%", "close what else runs"),
        ("other work", {"load_average": 4.1}, "note", "load average 4.10", "does not come back"),
        ("CPU clock rate", {"governors": ()}, "ok", "does not state", ""),
        ("CPU clock rate", {"governors": ("powersave",)}, "warning", "powersave", "--governor performance"),
        ("CPU clock rate", {"governors": ("a", "powersave")}, "warning", "a and powersave", "cpupower"),
        ("open files", {"open_files_given": 1087}, "warning", "1,023 users", "`ulimit -n 1088` or more"),
        ("open files", {"open_files_given": 30}, "warning", "0 users", "ulimit -n"),
        ("open files", {"open_files_given": 1088, "open_files_soft": 1088}, "ok", "1,024 users", ""),
        ("open files", {"open_files_soft": 1024}, "note", "19,936 users", "`ulimit -n 20000` before"),
        ("listen backlog", {"backlog_limit": 128}, "warning", "128 connections", "somaxconn=2048"),
        ("listen backlog", {"backlog_limit": 2048}, "ok", "2,048 connections", ""),
        ("listen backlog", {"backlog_limit": None}, "note", "cannot be read", ""),
        ("memory", {"available_bytes": GIB // 2 - 1}, "warning", "512 MiB available", "swapped"),
        ("memory", {"available_bytes": GIB // 2}, "ok", "512 MiB available", ""),
        ("clock", {"clock_step_s": 2e-6, "clock_source": "hpet"}, "warning", "2.00 us, source hpet", "tsc"),
        ("clock", {"clock_source": None}, "ok", "source not known", ""),
        ("server programs", {"missing": LACKING}, "note", "23.0", " a b c`"),
        ("server programs", {"servers": {}, "missing": {"granian": ("granian",)}}, "note", "none", "granian"),
        ("browser", {"browser": None}, "note", "no Chromium", "apt install chromium"),
        ("browser", {"playwright": None}, "note", "no Playwright", "[browser]"),
    ],
)
def test_each_fault_is_marked_and_comes_with_what_to_do(
    subject: str, changes: dict[str, Any], mark: str, found: str, remedy: str
) -> None:
    finding = of_machine(subject, **changes)
    assert finding.mark == mark
    assert found in finding.found
    assert remedy in finding.remedy
    assert bool(remedy) == bool(finding.remedy)
    assert not finding.disqualifies


def test_a_cpu_that_other_processes_use_for_more_than_half_of_the_time_disqualifies() -> None:
    assert not of_machine("other work", busy_ratio=0.5).disqualifies
    assert of_machine("other work", busy_ratio=0.51).disqualifies


def of_ceiling(subject: str, *, apart: bool = True, **changes: Any) -> Finding:  # noqa: ANN401 - as above
    findings = judge_ceiling(replace(CEILING, **changes), LIMITS, apart=apart)
    (finding,) = [one for one in findings if one.subject == subject]
    return finding


NO_RATE = {"trusted_rps": None, "trusted_cpu_ratio": None, "trusted_lag_p99_s": None}
IDLE = {"closed_cpu_ratio": 0.36}
STOPPED = dict.fromkeys(("closed_rps", "closed_low_rps", "closed_high_rps"), 0.0)


@pytest.mark.parametrize(
    ("subject", "changes", "mark", "texts"),
    [
        ("open load", {"untrusted_reason": None}, "ok", ["lag p99 200 us"]),
        ("open load", NO_RATE, "disqualifies", ["at 91.0% of its CPU"]),
        ("open load", NO_RATE | {"untrusted_reason": None}, "disqualifies", [": no request was completed"]),
        ("closed load", {"closed_low_rps": 18_200.0}, "ok", []),
        ("closed load", {"closed_low_rps": 18_100.0}, "warning", ["10.5% apart", "too unsteady"]),
        ("closed load", IDLE, "warning", ["only 36.0% of its CPU"]),
        ("closed load", IDLE | {"apart": False}, "ok", []),
        ("closed load", IDLE | {"closed_low_rps": 1e4}, "warning", ["only 36.0%", "too unsteady"]),
        ("closed load", {"error_kinds": {"refused": 1200}}, "disqualifies", ["1,200 x refused"]),
        ("closed load", STOPPED, "disqualifies", ["none was completed"]),
        ("least latency", {"latency_s": replace(LATENCY_S, p99=0.001)}, "ok", []),
        ("least latency", {"latency_s": replace(LATENCY_S, p99=0.0011)}, "note", ["p99 1.10 ms"]),
        ("least latency", {"latency_s": None}, "disqualifies", ["no request was completed"]),
    ],
)
def test_a_generator_is_judged_by_what_it_achieved(
    subject: str, changes: dict[str, Any], mark: str, texts: list[str]
) -> None:
    finding = of_ceiling(subject, **changes)
    assert finding.mark == ("warning" if mark == "disqualifies" else mark)
    assert finding.disqualifies == (mark == "disqualifies")
    assert bool(finding.remedy) == (finding.mark != "ok" and changes != {"latency_s": None})
    for text in texts:
        assert text in f"{finding.found}; {finding.remedy}"
    assert finding.remedy.count("close what else runs") <= 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"failure": "2 of 256 users had no answer"}, "2 of 256 users had no answer"),
        ({"error_kinds": {"connection reset": 1}}, "requests failed: connection reset"),
        ({"generator_cpu_ratio": 0.91}, "the load generator was at 91.0% of its CPU and may be the limit"),
        ({"rate_rps": 4940.0}, "4,940/s were completed where 5,000/s were offered"),
        ({"rate_rps": 5060.0}, "5,060/s were completed where 5,000/s were offered"),
        # One request more or less may be missed, however few are offered.
        ({"offered_rps": 10.0, "rate_rps": 9.0}, None),
        ({"offered_rps": 10.0, "rate_rps": 8.5}, "8.50/s were completed where 10.0/s were offered"),
    ],
)
def test_a_window_with_a_fault_cannot_be_trusted(changes: dict[str, Any], reason: str | None) -> None:
    assert why_untrusted(altered(SOUND, **changes), LIMITS) == reason
