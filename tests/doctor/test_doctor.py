from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from portcompare.doctor.judgement import Finding, judge_machine
from portcompare.doctor.machine import Machine

GIB = 1024**3
MACHINE = Machine(
    cpu_model="Fast CPU",
    cpu_count=4,
    usable_cpus=(0, 1, 2, 3),
    server_cpus=(0,),
    generator_cpus=(3,),
    cpu_quota=None,
    busy_ratio=0.02,
    load_average=0.3,
    governors=("performance",),
    open_files_soft=20_000,
    open_files_hard=20_000,
    open_files_given=20_000,
    backlog_limit=4096,
    kernel="Linux 6.1",
    memory_bytes=8 * GIB,
    available_bytes=6 * GIB,
    clock_source="tsc",
    clock_step_s=5e-8,
    browser="/usr/bin/chromium",
    playwright="1.49",
    servers={"uvicorn": "0.34", "gunicorn": "23.0"},
    missing={},
)


def find(subject: str, **changes: Any) -> Finding:  # noqa: ANN401 - whatever a machine has
    (finding,) = [one for one in judge_machine(replace(MACHINE, **changes)) if one.subject == subject]
    return finding


def test_a_machine_without_fault_has_nothing_to_be_done() -> None:
    findings = judge_machine(MACHINE)
    assert {finding.mark for finding in findings} == {"ok"}
    assert not any(finding.remedy or finding.disqualifies for finding in findings)


def test_what_was_found_is_told_with_its_units() -> None:
    found = {finding.subject: finding.found for finding in judge_machine(MACHINE)}
    assert found == {
        "CPUs": "4 CPUs (Fast CPU), a server with one worker on CPU 0, load generator on CPU 3",
        "other work": "2.00% of the busiest CPU in use by others, load average 0.300",
        "CPU clock rate": "governor performance",
        "open files": "20,000 for each process that portcompare starts: 19,936 users",
        "listen backlog": "up to 4,096 connections wait to be accepted",
        "memory": "6.00 GiB available of 8.00 GiB",
        "kernel": "Linux 6.1",
        "clock": "steps of 0.0500 us, source tsc",
        "server programs": "gunicorn 23.0, uvicorn 0.34",
        "browser": "/usr/bin/chromium, Playwright 1.49",
    }


@pytest.mark.parametrize(
    ("subject", "changes", "mark", "found", "remedy"),
    [
        (
            "CPUs",
            {"usable_cpus": (2,), "server_cpus": (2,), "generator_cpus": (2,), "cpu_model": ""},
            "warning",
            "4 CPUs, 1 usable, servers and load generator share CPU 2",
            "two CPUs",
        ),
        ("CPUs", {"cpu_quota": 1.5}, "warning", "limited to the time of 1.50", "raise the container's limit"),
        ("CPUs", {"cpu_quota": 4.0}, "ok", "limited to the time of 4.00", ""),
        ("other work", {"busy_ratio": 0.1}, "ok", "10.0%", ""),
        ("other work", {"busy_ratio": 0.11}, "warning", "11.0%", "close what else runs"),
        ("other work", {"load_average": 4.1}, "note", "load average 4.10", "does not come back"),
        ("CPU clock rate", {"governors": ()}, "ok", "does not tell", ""),
        ("CPU clock rate", {"governors": ("powersave",)}, "warning", "powersave", "--governor performance"),
        (
            "CPU clock rate",
            {"governors": ("performance", "powersave")},
            "warning",
            "performance and powersave",
            "cpupower",
        ),
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
        ("clock", {"clock_source": None}, "ok", "source not told", ""),
        (
            "server programs",
            {"missing": {"granian": ("granian",), "gunicorn-gevent": ("gunicorn", "gevent")}},
            "note",
            "gunicorn 23.0",
            "for granian, gunicorn-gevent: `pip install gevent granian gunicorn`",
        ),
        ("server programs", {"servers": {}, "missing": {"granian": ("granian",)}}, "note", "none", "granian"),
        ("browser", {"browser": None}, "note", "no Chromium", "apt install chromium"),
        ("browser", {"playwright": None}, "note", "no Playwright", "pip install 'portcompare[browser]'"),
    ],
)
def test_each_fault_is_marked_and_comes_with_what_to_do(
    subject: str, changes: dict[str, Any], mark: str, found: str, remedy: str
) -> None:
    finding = find(subject, **changes)
    assert finding.mark == mark
    assert found in finding.found
    assert remedy in finding.remedy
    assert bool(remedy) == bool(finding.remedy)
    assert not finding.disqualifies


def test_a_cpu_that_is_in_use_by_others_for_more_than_half_of_the_time_disqualifies() -> None:
    assert not find("other work", busy_ratio=0.5).disqualifies
    assert find("other work", busy_ratio=0.51).disqualifies
