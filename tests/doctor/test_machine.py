import os
import platform
import resource
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from portcompare.doctor import machine
from portcompare.doctor.machine import (
    examine_machine,
    find_busiest,
    have_worked,
    look_at_steadiness,
    read_cpu_quota,
    read_cpu_times,
    read_other_generators,
)
from portcompare.serve import SERVERS
from portcompare.serve.servers import Server
from tests.e2e.processes import wait_until
from tests.measure.plans import make_plan


def test_the_facts_are_those_of_this_machine_and_of_what_is_installed() -> None:
    found = examine_machine(watch_s=0.05)
    assert found.cpu_count == os.cpu_count()
    assert found.usable_cpus == tuple(sorted(os.sched_getaffinity(0)))
    assert found.server_cpus == (min(found.usable_cpus),)
    assert found.generator_cpus == (max(found.usable_cpus),)
    assert found.memory_bytes == psutil.virtual_memory().total
    assert 0 < found.available_bytes <= found.memory_bytes
    assert found.kernel == f"Linux {platform.release()}"
    assert 0 < found.clock_step_s < 1e-4  # finer than a latency
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert found.open_files_soft == soft
    assert found.open_files_hard == (None if hard == resource.RLIM_INFINITY else hard)
    assert found.open_files_given >= soft
    assert found.missing == {}
    for server in SERVERS.values():
        assert found.servers[server.distributions[0]] == version(server.distributions[0])
    assert found.servers["uvloop"] == version("uvloop")


def test_a_quick_look_expects_less_of_an_unsteady_machine_and_gives_its_cpus_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allowed = os.sched_getaffinity(0)
    assert look_at_steadiness(make_plan(), allowed, look_s=0.2).deviation > 0
    assert os.sched_getaffinity(0) == allowed
    found = []
    for deviation in (0.0, 0.02, 1.0):
        monkeypatch.setattr(machine, "_deviation_of", lambda *_, value=deviation: value)
        found.append(look_at_steadiness(make_plan(min_blocks=5), allowed).detectable_ratio)
    # Without any noise, what two starts of a server differ by: 1.05 * exp(2.776 * 0.01 * sqrt(2 / 5)) - 1
    assert found[0] == pytest.approx(0.0686, abs=1e-4)
    assert found == sorted(found)


def test_programs_that_are_not_installed_are_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    strange = Server(distributions=("nowhere-to-be-found", "uvicorn"), interfaces={})
    monkeypatch.setattr(machine, "SERVERS", {"strange": strange, "uvicorn": SERVERS["uvicorn"]})
    found = examine_machine(watch_s=0.01)
    assert found.missing == {"strange": ("nowhere-to-be-found",)}
    assert "nowhere-to-be-found" not in found.servers
    assert found.browser is None
    shutil.copy("/bin/true", tmp_path / "google-chrome")
    assert examine_machine(watch_s=0.0).browser == str(tmp_path / "google-chrome")


def test_the_busiest_of_the_cpus_in_question_counts_by_their_numbers(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    # user nice system idle iowait irq softirq steal guest guest_nice; CPU 2 is offline.
    stat.write_text(
        "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 50 5 10 90 10 1 2 3 4 0\ncpu3 1 0 0 9 0 0 0 0 0 0\nintr 7\n"
    )
    before = read_cpu_times(stat)
    assert before == {0: (71, 171), 3: (1, 10)}
    assert find_busiest(before, {0: (91, 271), 3: (31, 110)}, (0, 3)) == pytest.approx(0.3)
    assert find_busiest(before, {0: (91, 271), 3: (31, 110)}, (0,)) == pytest.approx(0.2)
    assert find_busiest(before, before, (0,)) == 0.0


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        ("0::/", {}, None),
        ("0::/", {".": "max 100000"}, None),
        ("0::/", {".": "150000 100000"}, 1.5),
        ("0::/outer/inner", {"outer": "200000 100000", "outer/inner": "max 100000"}, 2.0),
        ("0::/outer/inner", {"outer": "200000 100000", "outer/inner": "25000 50000"}, 0.5),
        ("0::/outer", {"outer/inner": "25000 50000"}, None),
        ("1:cpu:/outer", {"outer": "25000 50000"}, None),
    ],
)
def test_the_tightest_limit_of_the_own_control_group_and_those_around_it_counts(
    tmp_path: Path, own: str, limits: dict[str, str], expected: float | None
) -> None:
    (tmp_path / "cgroup").write_text(f"{own}\n")
    for name, limit in limits.items():
        group = tmp_path / "groups" / name
        group.mkdir(parents=True, exist_ok=True)
        (group / "cpu.max").write_text(f"{limit}\n")
    assert read_cpu_quota(tmp_path / "cgroup", tmp_path / "groups") == expected
    assert read_cpu_quota(tmp_path / "nowhere", tmp_path / "nowhere") is None


def test_other_load_generators_are_seen_and_whether_they_have_worked() -> None:
    busy = [sys.executable, "-c", "while True: pass", "portcompare.loadgen.worker"]
    with subprocess.Popen(["sleep", "60"]) as own, subprocess.Popen(busy) as other:
        try:
            before = {other.pid: read_other_generators(own.pid).get(other.pid, 0.0)}
            wait_until(lambda: have_worked(before, read_other_generators(own.pid), between_s=2.0))
            assert other.pid not in read_other_generators(os.getpid())  # it is ours
        finally:
            for process in (own, other):
                process.kill()
    assert not have_worked({1: 5.0}, {1: 5.4, 2: 0.4}, between_s=10.0)
