"""One whole run, with pages and gates, and what remains of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean

import jsonschema
import psutil
import pytest

from docs.generate import record_schema
from portcompare.analyse.comparisons import find_values
from portcompare.browser import find_chromium
from portcompare.errors import InputError
from portcompare.records.rounds import Round
from portcompare.records.run_summary import read_summary
from portcompare.report import EXPORTERS
from portcompare.run.recording import read_run
from tests.e2e.conftest import Start, begin, read_results, write_plan
from tests.e2e.processes import are_gone, processes_below, servers_below, wait_until

GATES = """
[[gates]]
metric = "throughput"
scenario = "delayed"
candidate = "quart-uvicorn"
min_ratio = 1.2

[[gates]]
metric = "throughput"
scenario = "delayed"
candidate = "quart-uvicorn"
min_ratio = 100
"""
PAGE = """
[pages.message]
path = "/?delay=0.05"
scenario = "delayed"
users = 6
"""


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
    folder = place / "runs" / "run"
    try:
        find_chromium()
        plan = write_plan(place / "loadtests", GATES + PAGE)
    except InputError:
        plan = write_plan(place / "loadtests", GATES)
    process = begin("run", plan, "--out", folder, "--json", directory=place, measured=True)
    wait_until(lambda: servers_below(process.pid))
    tree = processes_below(process.pid)
    out, err = process.communicate(timeout=300)
    return Finished(folder=folder, status=process.returncode, out=out, err=err, tree=tree)


def test_a_run_measures_and_compares(finished: Finished) -> None:
    results = read_results(finished.folder)
    # A gate is broken. So short a run may also be too noisy, and says so: then no gate is passed.
    assert finished.status == (1 if results["valid"] else 3), finished.err
    jsonschema.Draft202012Validator(record_schema("results")).validate(results)
    kept, broken = results["gates"]
    assert not broken["passed"]
    assert kept["passed"] == (kept["check"]["outcome"] == "kept")
    assert not results["partial"]
    assert results["parity"]["verdict"] == "alike"
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
    arms: dict[str, list[Round]] = {}
    for one in read_run(finished.folder).rounds:
        if one.scenario == "delayed":
            arms.setdefault(one.arm, []).append(one)
    rates_rps = find_values("throughput", arms)
    ratios = [
        rates_rps[block]["quart-uvicorn"].value
        / geometric_mean([rates_rps[block]["baseline"].value, rates_rps[block]["control"].value])
        for block in range(2)
    ]
    assert ratio == pytest.approx(geometric_mean(ratios))


def test_a_finished_run_leaves_no_process_behind_keeps_its_logs_and_prints_the_results_alone(
    finished: Finished,
) -> None:
    assert finished.tree
    assert are_gone(finished.tree)
    for name in ("baseline", "control", "quart-uvicorn"):
        assert (finished.folder / f"{name}.log").stat().st_size
    assert (finished.folder / "loadgen.log").exists()
    assert read_summary(finished.folder) is not None  # for lists of runs
    assert json.loads(finished.out) == read_results(finished.folder)


@pytest.mark.usefixtures("has_chromium")
def test_pages_are_loaded_in_a_browser_idle_and_under_load(finished: Finished) -> None:
    pages = read_results(finished.folder)["pages"]
    assert pages["browser"].startswith("Chromium ")
    assert len(pages["visits"]) == 2 * 2 * 3
    for visit in pages["visits"]:
        assert visit["discarded"] is None
        assert [load["failure"] for load in visit["loads"]] == [None, None]
        # The message was painted after its response.
        assert {load["response"]["target"] for load in visit["loads"]} == {"/data?delay=0.05"}
        assert (visit["users_load"] is not None) == bool(visit["users"])
    assert {(one["users"], one["kind"], one["arm"]) for one in pages["summaries"]} == {
        (users, kind, arm)
        for users in (0, 6)
        for kind in ("cold", "warm")
        for arm in ("baseline", "control", "quart-uvicorn")
    }
    assert "What a visitor waits for" in (finished.folder / "report.html").read_text()


def _files(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else [path]


def test_a_report_is_rendered_again_to_the_byte(finished: Finished, start: Start) -> None:
    reports = [path for name in EXPORTERS for path in _files(finished.folder / name)]
    before = [path.read_bytes() for path in reports]
    assert len(reports) > len(EXPORTERS)
    for path in reports:
        path.unlink()
    process = start("report", finished.folder)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert [path.read_bytes() for path in reports] == before
    assert out.count("\ngate ") == 2
    assert "Gates: " in (finished.folder / "report.html").read_text()
    if read_results(finished.folder)["pages"] is not None:
        assert "page message: While 6 users wait as well" in " ".join(out.split())
