"""Makes the summaries of runs, and lists the runs in a folder by them."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from portcompare.errors import InputError
from portcompare.records import run_summary
from portcompare.records.estimates import Estimate
from portcompare.records.metrics import METRICS, MetricName, round_metrics
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.rounds import CONTROL, Round
from portcompare.records.run_summary import SUMMARY_FILE, SUMMARY_VERSION, Quantity, RunSummary, StoredSummary
from portcompare.records.work import ANY_LEVEL
from portcompare.report.formats.results_file import read_results, write_atomically
from portcompare.report.wording import level_text, margin_of
from portcompare.stats.intervals import LEAST_BLOCKS, mean_estimate
from portcompare.units import count, size

_NOTE_AFTER_S = 2.0


def list_runs(runs: Path, note: Callable[[str], None]) -> list[RunSummary]:
    """List the runs in a folder, the latest first; summaries that are missing are made and written.

    `note`: receives what takes long or fails.
    Raises OSError if the folder cannot be listed.
    """
    began_s = time.monotonic()
    is_noted = False
    failures: list[OSError] = []

    def summarise(folder: Path) -> RunSummary:
        nonlocal is_noted
        if not is_noted and time.monotonic() - began_s > _NOTE_AFTER_S:
            is_noted = True
            note("reading the results of runs that have no summary yet; this can take a while")
        path = folder / RESULTS_FILE
        stat = path.stat() if path.exists() else None  # before it is read: it may be written meanwhile
        try:
            results = read_results(path)
        except InputError as error:
            problem = error.problems[0]
            run = RunSummary(folder=folder.name, broken=f"{problem.where}: {problem.found}")
            quantities: tuple[Quantity, ...] = ()
        else:
            run, quantities = _describe(results, folder), find_quantities(results)
        if stat is not None:
            try:
                _write(folder, stat, run, quantities)
            except OSError as error:
                failures.append(error)
        return run

    found = run_summary.list_runs(runs, summarise)
    if failures:
        note(f"warning: {failures[0]}: the results of {count(len(failures), 'run')} are read each time")
    return found


def write_summary(results: Results, folder: Path) -> None:
    """Write the summary of a run into the run's folder, beside its results; raises OSError if it cannot."""
    run = _describe(results, folder)
    _write(folder, (folder / RESULTS_FILE).stat(), run, find_quantities(results))


def _write(folder: Path, stat: os.stat_result, run: RunSummary, quantities: tuple[Quantity, ...]) -> None:
    summary = StoredSummary(
        version=SUMMARY_VERSION,
        results_bytes=stat.st_size,
        results_changed_ns=stat.st_mtime_ns,
        run=run,
        quantities=quantities,
    )
    write_atomically(folder / SUMMARY_FILE, json.dumps(asdict(summary), ensure_ascii=False) + "\n")


def quantities_of(folder: Path) -> tuple[Quantity, ...]:
    """What a run measured: from its summary, or else from its results."""
    quantities = run_summary.read_quantities(folder)
    return find_quantities(read_results(folder / RESULTS_FILE)) if quantities is None else quantities


def _describe(results: Results, folder: Path) -> RunSummary:
    manifest = results.manifest
    # Kernels reserve some of the memory.
    memory = size(max(1, round(manifest.memory_bytes / 1024**3)) * 1024**3)
    deployments = dict.fromkeys(one.deployment for one in results.summaries if one.arm != CONTROL)
    return RunSummary(
        folder=folder.name,
        name=results.name,
        started_at=results.started_at,
        duration_s=results.duration_s,
        partial=results.partial,
        valid=results.valid,
        baseline=str(results.plan.get("baseline", "")),
        deployments=tuple(deployments),
        machine=f"{manifest.cpu_model or 'unknown CPU'}, {count(manifest.cpu_count, 'CPU')}, {memory}",
        gates=len(results.gates),
        gates_missed=sum(not gate.passed for gate in results.gates),
        headline=results.headline,
    )


def find_quantities(results: Results) -> tuple[Quantity, ...]:
    """List what a run measured."""
    ratios = {(c.scenario, c.level, c.candidate, c.metric): c.ratio for c in results.comparisons}
    measured: dict[tuple[str, float, str], list[Round]] = {}
    for one in results.rounds:
        if one.discarded is None:
            measured.setdefault((one.scenario, one.level, one.arm), []).append(one)

    def quantity(
        place: tuple[str, float], name: MetricName, deployment: str, value: Estimate, ratio: Estimate | None
    ) -> Quantity:
        return Quantity(
            scenario=place[0],
            level=place[1],
            level_text=level_text(results, *place),
            metric=name,
            deployment=deployment,
            margin=margin_of(results, name),
            value=value,
            ratio=ratio and replace(ratio, reason=""),  # a sentence a quantity would be most of the file
        )

    found = []
    for summary in results.summaries:
        place = (summary.scenario, summary.level)
        rounds = measured.get((*place, summary.arm), []) if summary.arm != CONTROL else []
        for name in round_metrics():
            values = [value for one in rounds if (value := METRICS[name].value(one)) is not None]
            if len(values) >= LEAST_BLOCKS:
                ratio = ratios.get((*place, summary.arm, name))
                found.append(quantity(place, name, summary.deployment, mean_estimate(values), ratio))
    for counted in results.work.counts if results.work is not None else ():
        place, mean = (counted.scenario, ANY_LEVEL), mean_estimate(counted.slices)
        found.append(quantity(place, "instructions", counted.deployment, mean, counted.ratio))
    return tuple(found)
