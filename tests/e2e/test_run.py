from __future__ import annotations

import json
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean
from typing import TYPE_CHECKING, Any

import jsonschema
import psutil
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from portcompare.report import EXPORTERS
from portcompare.report.formats.results_file import results_schema
from tests.e2e.conftest import begin, write_plan
from tests.e2e.processes import are_gone, command_of, is_running, processes_below, servers_below, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Start = Callable[..., subprocess.Popen[str]]


def read_results(folder: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run that has come to its end."""

    folder: Path
    status: int
    out: str
    err: str
    tree: list[psutil.Process]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    place = tmp_path_factory.mktemp("finished")
    plan = write_plan(place / "loadtests")
    process = begin("run", plan, "--out", place / "run", "--json", directory=place, measured=True)
    wait_until(lambda: servers_below(process.pid), 60)
    tree = processes_below(process.pid)
    out, err = process.communicate(timeout=300)
    return Finished(folder=place / "run", status=process.returncode, out=out, err=err, tree=tree)


def test_a_run_measures_and_compares(finished: Finished) -> None:
    assert finished.status in (0, 3), finished.err  # 3: so short a run may be too noisy, and says so
    results = read_results(finished.folder)
    jsonschema.Draft202012Validator(results_schema()).validate(results)
    assert not results["partial"]
    assert results["parity"]["equal"]
    assert len(results["rounds"]) == 2 * 3 * 2
    assert all(not one["load"]["error_kinds"] for one in results["rounds"])
    slow = {one["arm"]: one for one in results["summaries"] if one["scenario"] == "delayed"}
    assert slow["baseline"]["bound"]["name"] == "slots"
    assert slow["quart-uvicorn"]["rate_rps"] > 1.5 * slow["baseline"]["rate_rps"]  # 24 users, 8 threads
    ratio = next(
        one["ratio"]["point"]
        for one in results["comparisons"]
        if (one["scenario"], one["candidate"], one["metric"]) == ("delayed", "quart-uvicorn", "throughput")
    )
    delayed = [one for one in results["rounds"] if one["scenario"] == "delayed"]
    assert {one["discarded"] for one in delayed} == {None}
    rates_rps = {(one["block"], one["arm"]): one["load"]["rate_rps"] for one in delayed}
    ratios = [
        rates_rps[block, "quart-uvicorn"]
        / geometric_mean([rates_rps[block, "baseline"], rates_rps[block, "control"]])
        for block in range(2)
    ]
    assert ratio == pytest.approx(geometric_mean(ratios))


def test_a_finished_run_leaves_no_process_behind(finished: Finished) -> None:
    assert finished.tree
    assert are_gone(finished.tree)


def test_json_is_all_there_is_on_stdout(finished: Finished) -> None:
    assert json.loads(finished.out) == read_results(finished.folder)


def test_a_run_keeps_the_logs_of_servers_and_generator(finished: Finished) -> None:
    for name in ("baseline", "control", "quart-uvicorn"):
        assert (finished.folder / f"{name}.log").stat().st_size
    assert (finished.folder / "loadgen.log").exists()


def test_the_histograms_hold_what_the_results_say(finished: Finished) -> None:
    rounds = [
        one["load"]["requests"]
        for one in read_results(finished.folder)["rounds"]
        if one["arm"] == "quart-uvicorn" and one["scenario"] == "fast"
    ]
    path = finished.folder / "histograms" / "fast-2-quart-uvicorn.hlog"
    log = HistogramLogReader(str(path), HdrHistogram(1, 3_600_000_000, 3))
    counts = []
    while (histogram := log.get_next_interval_histogram()) is not None:
        counts.append(histogram.get_total_count())
    log.close()
    assert counts == rounds


def _files(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else [path]


def test_a_report_is_rendered_again_to_the_byte(start: Start, finished: Finished) -> None:
    reports = [path for name in EXPORTERS for path in _files(finished.folder / name)]
    before = [path.read_bytes() for path in reports]
    assert len(reports) > len(EXPORTERS)
    for path in reports:
        path.unlink()
    process = start("report", finished.folder)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [path.read_bytes() for path in reports] == before
    assert "quart-uvicorn" in out


def make_endless(plan: Path) -> None:
    """Have a run of the plan take minutes."""
    plan.write_text(plan.read_text().replace("max_blocks = 2", "max_blocks = 50\nprecision = 0.0001"))


def test_an_interrupted_run_stops_everything_and_keeps_what_it_measured(
    start: Start, plan: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    make_endless(plan)
    process = start("run", plan, "--out", folder)
    wait_until((folder / "histograms").exists, 60)
    wait_until(lambda: servers_below(process.pid), 60)
    tree = processes_below(process.pid)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    # One that was just being started ends by itself as soon as portcompare is gone.
    wait_until(lambda: are_gone(tree), 30)
    results = read_results(folder)
    jsonschema.Draft202012Validator(results_schema()).validate(results)
    assert results["partial"]
    assert results["rounds"]
    assert str(folder) in err.replace("\n", "")


@pytest.mark.parametrize(
    ("phase", "ending"), [(processes_below, signal.SIGHUP), (servers_below, signal.SIGINT)]
)
def test_an_interruption_before_the_first_round_leaves_nothing_running(
    start: Start,
    plan: Path,
    tmp_path: Path,
    phase: Callable[[int], list[psutil.Process]],
    ending: signal.Signals,
) -> None:
    process = start("run", plan, "--out", tmp_path / "run")
    wait_until(lambda: phase(process.pid), 60)
    tree = processes_below(process.pid)
    process.send_signal(ending)
    process.communicate(timeout=60)
    assert process.returncode == 130
    wait_until(lambda: are_gone(tree), 30)


def test_a_killed_run_leaves_no_process_behind_and_keeps_its_rounds(
    start: Start, plan: Path, tmp_path: Path
) -> None:
    make_endless(plan)
    process = start("run", plan, "--out", tmp_path / "run")
    wait_until(lambda: servers_below(process.pid), 60)
    tree = processes_below(process.pid)
    wait_until(lambda: read_results(tmp_path / "run")["rounds"], 60)
    process.kill()
    process.communicate(timeout=30)
    wait_until(lambda: are_gone(tree), 30)
    results = read_results(tmp_path / "run")
    assert results["partial"]
    assert results["rounds"]


def test_a_server_that_dies_ends_the_run_as_not_valid(start: Start, plan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    make_endless(plan)
    process = start("run", plan, "--out", folder)
    wait_until((folder / "histograms").exists, 60)

    def kill_the_candidate() -> bool:
        for one in servers_below(process.pid):
            if "async_quart.app:app" in command_of(one) and is_running(one):
                one.kill()
        return process.poll() is not None

    wait_until(kill_the_candidate, 60)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "quart-uvicorn: ended with status" in err
    assert "last lines of" in err
    assert read_results(folder)["partial"]


def test_workers_generate_the_load_of_a_run(start: Start, plan: Path, tmp_path: Path) -> None:
    before, _, rest = plan.read_text().partition("[scenarios.fast]")
    health = '[scenarios.health]\nrequest = { path = "/healthz" }\nload = { users = [2] }\n'
    plan.write_text(f"{before}{health}\n[rounds]{rest.partition('[rounds]')[2]}")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    leader = start(
        "run", plan, "--out", tmp_path / "run", "--expect-workers", "2", "--listen", listen, "--budget", "25s"
    )
    workers = [start("worker", "--master", listen) for _ in range(2)]
    _, err = leader.communicate(timeout=300)
    assert leader.returncode in (0, 3), err  # 3: the budget is not enough for a verdict
    assert f"waiting for load workers at {listen}; joined: none yet" in err
    results = read_results(tmp_path / "run")
    assert not results["partial"]
    assert results["rounds"]
    for one in results["rounds"]:
        assert one["discarded"] is None or "worker" not in one["discarded"]
        assert len(one["load"]["generator_cpu_ratios"]) == 2
    for worker in workers:
        _, said = worker.communicate(timeout=60)
        assert worker.returncode == 0
        assert "joined the run" in said
        assert said.splitlines()[-1] == "the run is over"
