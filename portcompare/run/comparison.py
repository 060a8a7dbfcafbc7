"""A whole comparison: `compare` is the way from a plan to its results and reports."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from portcompare.errors import InputError, Problem
from portcompare.history.summaries import write_summary
from portcompare.plan import Plan
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.run_summary import RUNS
from portcompare.report import write_reports
from portcompare.report.formats.results_file import read_results
from portcompare.run.checks import read_stored_runs
from portcompare.run.narrowing import Narrowing, find_left_out, narrow
from portcompare.run.phases import measure, prepare
from portcompare.run.progress import Progress
from portcompare.run.recording import Recording
from portcompare.run.session import GENERATOR_LOG, open_session
from portcompare.run.workers import ALONE, Workers
from portcompare.serve import describe_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a command line says about a run beside its plan."""

    folder: Path
    part: Narrowing = field(default_factory=Narrowing)  # the part of the plan that is run
    workers: Workers = ALONE


def compare(plan: Plan, options: RunOptions, progress: Progress) -> Results:
    """Serve all arms, compare their responses, measure them, and write results and reports.

    What was measured is kept, whatever happens.

    Raises InputError: with all that is wrong with plan, apps, servers, ports and scenarios.
    Raises ServerError: a server did not start, or died.
    Raises LoadGeneratorError: the load generator died.
    """
    began_s, started_at = time.monotonic(), datetime.now(UTC)
    problems: list[Problem] = []
    with _run_folder(options.folder) as folder:
        part = narrow(plan, options.part)
        left_out = find_left_out(plan, part)
        stored = read_stored_runs(part, problems)
        with open_session(part, folder, problems, options.workers, progress.start) as session:
            if options.workers.expect:
                began_s = time.monotonic()  # the time until all workers have joined does not count
            manifest = describe_manifest(part, session.cpus)
            recording = Recording(
                plan=part,
                manifest=manifest,
                folder=folder,
                started_at=started_at,
                began_s=began_s,
                stored=stored,
            )
            if left_out is not None:
                recording.add_warning(left_out)
            recording.save(partial=True)
            with _kept_if_interrupted(recording, progress), prepare(session, progress):
                measure(session, recording, progress)
            results = recording.save(partial=False)
    # From the file, as `portcompare report` does: a whole number there is 1 before and 1.0 after it is read.
    write_reports(read_results(folder / RESULTS_FILE), folder)
    try:
        write_summary(folder)
    except OSError as error:
        progress.note(f"warning: the summary of the run cannot be written: {error}")
    return results


@contextmanager
def _kept_if_interrupted(recording: Recording, progress: Progress) -> Iterator[None]:
    """Write what was measured if the run does not come to its end."""
    try:
        yield
    except BaseException:
        recording.save(partial=True)
        progress.note(
            f"what was measured is kept, marked partial: portcompare report {recording.folder} shows it"
        )
        raise


def name_run_folder(name: str, started_at: datetime) -> Path:
    """The default folder of a run, by the plan's name."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return RUNS / f"{started_at:%Y%m%dT%H%M%S}-{safe}"


def find_folder_problems(folder: Path) -> Iterator[Problem]:
    """Find what keeps a run from being written to a folder, which need not exist yet."""
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if (folder / RESULTS_FILE).exists():
        remedy = "name another folder, or remove that one"
        yield Problem(where=f"--out {folder}", found=f"holds a run already ({RESULTS_FILE})", remedy=remedy)
    elif not above.is_dir():
        yield _not_writable(folder, f"{above} is no folder")
    elif not os.access(above, os.W_OK):
        yield _not_writable(folder, f"nothing can be written in {above}")


def _not_writable(folder: Path, reason: str) -> Problem:
    remedy = "name a folder that you may write to with --out DIR"
    return Problem(where=f"--out {folder}", found=f"cannot be written: {reason}", remedy=remedy)


@contextmanager
def _run_folder(folder: Path) -> Iterator[Path]:
    """Make a run's folder, and remove it again if nothing was measured because of bad input."""
    if problems := list(find_folder_problems(folder)):
        raise InputError(problems)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError([_not_writable(folder, str(error.strerror))]) from error
    try:
        yield folder
    except InputError:
        (folder / GENERATOR_LOG).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
        raise
