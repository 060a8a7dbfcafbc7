"""A whole comparison, from a plan to its results and reports: in this process, or in one beside it."""

import fcntl
import os
import re
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

from portcompare.analyse.checks import levels_of
from portcompare.doctor.machine import look_at_steadiness
from portcompare.errors import (
    EXIT_COMPARISON_SAYS_NO,
    EXIT_DONE,
    EXIT_NOT_VALID,
    InputError,
    MeasurementError,
    Problem,
    refuse,
)
from portcompare.history.summaries import write_summary
from portcompare.masking import mask_file, mask_passwords
from portcompare.plan import Gate, Plan
from portcompare.records.diagnosis import DIAGNOSIS_FILE
from portcompare.records.parity import CHECK_FILE
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.rounds import BASELINE, CONTROL, WorkerChange
from portcompare.records.run_summary import REPORT_FILE, RUNS
from portcompare.report import write_reports
from portcompare.report.formats.results_file import read_results
from portcompare.report.wording import describe_steadiness
from portcompare.run.journal import JOURNAL_FILE
from portcompare.run.narrowing import Narrowing
from portcompare.run.phases import measure, prepare
from portcompare.run.progress import Progress
from portcompare.run.recording import Recording, find_condition_changes, find_plan_changes, read_resumable
from portcompare.run.session import GENERATOR_LOG, open_session
from portcompare.run.work import find_counter_problems
from portcompare.run.workers import Workers
from portcompare.serve import describe_manifest, start_supervised
from portcompare.wire.protocol import RunRequest, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a command line says about a run beside its plan."""

    folder: Path
    workers: Workers
    left_out: str | None  # a warning of what the plan had that is not run
    is_resumed: bool = False  # whether the folder holds a run that is to be completed
    began_s: float | None = None  # when its time began, by `time.monotonic()`; None for the process's start


def compare(plan: Plan, options: RunOptions, progress: Progress) -> Results:
    """Serve all arms, compare their responses, measure them, and write results and reports.

    What was measured is kept, whatever happens.

    Raises InputError: with all that is wrong with plan, apps, servers, ports and scenarios.
    Raises ServerError: a server did not start, or died.
    Raises LoadGeneratorError: the load generator died.
    """
    # A run's time begins with its process: to import what it needs takes a second or two.
    began_s, started_at = options.began_s or time.monotonic() - _process_age_s(), datetime.now(UTC)
    problems: list[Problem] = [*find_counter_problems(plan)]
    with make_folder(options.folder, exists=options.is_resumed) as folder:
        earlier = read_resumable(folder) if options.is_resumed else None
        generators = options.workers.expect or options.workers.processes
        problems += find_plan_changes(earlier, plan, generators) if earlier else ()
        stored = read_stored_runs(plan, problems)
        with open_session(plan, folder, problems, options.workers, progress.start) as session:
            if options.workers.expect:
                began_s = time.monotonic()  # the time until all workers have joined does not count
            progress.start("looking at the machine")
            steadiness = look_at_steadiness(plan, (session.cpus.server[0], session.cpus.generator[-1]))
            progress.note(describe_steadiness(steadiness))
            manifest = describe_manifest(plan, session.cpus, steadiness)
            if earlier and (changes := [*find_condition_changes(earlier, manifest)]):
                raise InputError(changes)
            recording = earlier or Recording(
                plan=plan,
                manifest=manifest,
                folder=folder,
                started_at=started_at,
                began_s=began_s,
                generators=generators,
            )
            recording.plan, recording.stored = plan, stored
            recording.began_s = began_s - recording.spent_s
            session.generator.on_worker = partial(note_worker, recording, progress)
            with kept_if_broken_off(recording, progress):
                recording.resume() if earlier else recording.begin()
                if options.left_out is not None:
                    recording.add_warning(options.left_out)
                with prepare(session, progress):
                    measure(session, recording, progress)
                results = recording.save(partial=False)
            # Before the session ends, which takes a moment: an interruption has its message from here on.
            write_or_say_how(results, folder, progress)
    try:
        write_summary(results, folder)
    except OSError as error:
        progress.note(f"warning: the summary of the run cannot be written: {error}")
    return results


def write_or_say_how(results: Results, folder: Path, progress: Progress) -> None:
    """Write the reports of a run whose results are written.

    Raises MeasurementError: they cannot be written.
    """
    try:
        write_reports(results, folder)
    except KeyboardInterrupt:
        how = f"portcompare report {shlex.quote(str(folder))} writes them"
        progress.note(f"the results are whole, the reports are not: {how}")
        raise
    except OSError as error:
        how = f"the results are whole: portcompare report {shlex.quote(str(folder))} writes the reports again"
        raise MeasurementError(f"the reports cannot be written: {error}\n    {how}") from None


def note_worker(recording: Recording, progress: Progress, change: WorkerChange) -> None:
    """Keep what happened to a load worker, and print it."""
    recording.add_worker(change)
    progress.note(change.text)


def _process_age_s() -> float:
    return max(time.time() - psutil.Process().create_time(), 0.0)


def read_stored_runs(plan: Plan, problems: list[Problem]) -> dict[str, Results]:
    """Read the runs that gates compare with; what is wrong with them is added to the problems."""
    stored: dict[str, Results] = {}
    for place, gate in enumerate(plan.gates):
        if gate.against is None:
            continue
        where = plan.where("gates", str(place), "against")
        try:
            if gate.against not in stored:
                stored[gate.against] = read_results(plan.path.parent / gate.against / RESULTS_FILE)
        except InputError as error:
            found = "; ".join(f"{one.where}: {one.found}" for one in error.problems)
            problems.append(Problem(where=where, found=found, remedy="name the folder of a finished run"))
        else:
            remedy = "name another run, or measure it again"
            unfit = _why_unfit(plan, gate, stored[gate.against])
            problems += [Problem(where=where, found=found, remedy=remedy) for found in unfit]
    return stored


def _why_unfit(plan: Plan, gate: Gate, run: Results) -> Iterator[str]:
    if run.partial:
        yield "that run is partial"
    if not run.valid:
        yield f"that run is not valid: {'; '.join(run.invalid_reasons)}"
    baseline = next((one.deployment for one in run.rounds if one.arm == BASELINE), None)
    if gate.relative and baseline != plan.baseline:
        yield f"the baseline of that run is {baseline!r}, not {plan.baseline!r}"
    own = (one for one in run.rounds if one.deployment == gate.candidate and one.arm != CONTROL)
    measured = {(one.scenario, one.level) for one in own}
    for level in levels_of(plan, gate):
        if (gate.scenario, level) not in measured:
            place = f"{gate.scenario}, {plan.level_text(gate.scenario, level)}"
            yield f"that run did not measure {gate.candidate} ({place})"


@contextmanager
def kept_if_broken_off(recording: Recording, progress: Progress) -> Iterator[None]:
    """Write what was measured if the run does not come to its end, and why it did not.

    Raises MeasurementError: the run's folder cannot be written any more, or the memory is full.
    """
    try:
        yield
    except BaseException as error:
        is_interrupted = isinstance(error, KeyboardInterrupt)
        recording.stop_reason = "interrupted" if is_interrupted else f"broke off: {_describe(error)}"
        # Who interrupts does not wait for reports.
        progress.note(_save_somewhere(recording, with_reports=not is_interrupted))
        if isinstance(error, OSError | MemoryError):
            raise MeasurementError(f"the run broke off: {_describe(error)}") from None
        raise


def _save_somewhere(recording: Recording, *, with_reports: bool) -> str:
    """Write what was measured of a partial run: into its folder, or else among temporary files; say where."""
    folder, failures = recording.folder, []
    for is_elsewhere in (False, True) if recording.rounds else (False,):
        place = folder
        try:
            if is_elsewhere:
                place = Path(tempfile.gettempdir(), f"portcompare-{os.getpid()}-{folder.name}")
            recording.folder = place
            results = recording.save(partial=True)
        except (OSError, MemoryError) as failure:
            failures.append(_describe(failure))
            with suppress(OSError):
                place.rmdir()  # if nothing was written
        else:
            try:
                if with_reports:
                    write_reports(results, place)
            except (OSError, MemoryError) as failure:
                failures.append(f"without reports: {_describe(failure)}")
            quoted = shlex.quote(str(place))
            kept = f"what was measured is kept, marked partial: portcompare report {quoted} shows it"
            if (place / JOURNAL_FILE).exists():
                kept += f", portcompare run --resume {quoted} completes it"
            return f"{kept} ({'; '.join(failures)})" if failures else kept
    return (
        f"what was measured last could not be written ({'; '.join(failures)}): "
        f"portcompare report {shlex.quote(str(folder))} shows what was written before"
    )


def _describe(error: BaseException) -> str:
    """An error in a line."""
    return mask_passwords(str(error).partition("\n")[0]) or type(error).__name__


def name_run_folder(name: str, started_at: datetime) -> Path:
    """The default folder of a run, by the plan's name."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return RUNS / f"{started_at:%Y%m%dT%H%M%S}-{safe}"


def find_folder_problems(folder: Path) -> Iterator[Problem]:
    """Find what keeps a run from being written to a folder, which need not exist yet."""
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    held = {"run": RESULTS_FILE, "check": CHECK_FILE, "diagnosis": DIAGNOSIS_FILE}
    if kinds := [kind for kind, file in held.items() if (folder / file).exists()]:
        remedy = "name another folder, or remove that one"
        found = f"holds a {kinds[0]} already ({held[kinds[0]]})"
        yield Problem(where=f"--out {folder}", found=found, remedy=remedy)
    elif not above.is_dir():
        yield _not_writable(folder, f"{above} is no folder")
    elif not os.access(above, os.W_OK):
        yield _not_writable(folder, f"nothing can be written in {above}")


def _not_writable(folder: Path, reason: str) -> Problem:
    remedy = "name a folder that you may write to with --out DIR"
    return Problem(where=f"--out {folder}", found=f"cannot be written: {reason}", remedy=remedy)


@contextmanager
def make_folder(folder: Path, *, exists: bool = False) -> Iterator[Path]:
    """Make the folder of a run or a check, and remove it again if bad input has left it empty.

    `exists`: whether it holds a run, which stays.
    """
    if not exists and (problems := list(find_folder_problems(folder))):
        raise InputError(problems)
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError([_not_writable(folder, str(error.strerror))]) from error
    lock = os.open(folder, os.O_RDONLY)  # a folder's own lock leaves no file, and ends with the process
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with masked_logs(folder):
            yield folder
    except BlockingIOError:
        remedy = "wait for it, or name another folder with --out DIR"
        raise refuse(f"--out {folder}", "another run is being written there", remedy) from None
    except InputError:
        if not exists:
            (folder / GENERATOR_LOG).unlink(missing_ok=True)
            with suppress(OSError):  # as soon as one is not empty
                for path in made or [folder]:
                    path.rmdir()
        raise
    finally:
        os.close(lock)


@contextmanager
def masked_logs(folder: Path) -> Iterator[None]:
    """Hide the secrets in the logs of programs that have ended by the end of the context."""
    try:
        yield
    finally:
        for log in folder.glob("*.log"):
            mask_file(log)


_WITH_REPORT = (EXIT_DONE, EXIT_COMPARISON_SAYS_NO, EXIT_NOT_VALID)


class BackgroundRun:
    """A `portcompare run` in a process of its own, with its own servers."""

    def __init__(self, plan: Plan, request: RunRequest, *, cpus: Iterable[int], folder: Path) -> None:
        settings, self._budget_s = request.settings, request.budget_s
        is_open = settings.model == "open"
        narrowing = Narrowing(
            scenarios=settings.scenarios,
            arms=settings.arms,
            users=() if is_open else (settings.users,),
            rate_rps=settings.rate_rps if is_open else None,
            delay_s=settings.delay_s,
        )
        self._folder = name_run_folder(plan.name, datetime.now(UTC))
        budget = ("--budget", f"{self._budget_s:g}s")
        self._command = ["run", str(plan.path), *narrowing.options(), *budget]
        self._began_s = time.monotonic()
        self._is_cancelled = False
        self._process = start_supervised(
            [sys.executable, "-P", "-m", "portcompare", *self._command, "--out", str(self._folder)],
            directory=Path.cwd(),
            environment=os.environ,
            cpus=cpus,
            log_path=folder / "run.log",
        )

    @property
    def state(self) -> RunState:
        """Its progress."""
        status = self._process.poll()
        is_done = status in _WITH_REPORT and (self._folder / REPORT_FILE).exists()
        nothing = "nothing was measured yet" if self._is_cancelled else "starting"
        return RunState(
            command=f"portcompare {shlex.join(self._command)}",
            state="running"
            if status is None
            else ("done" if is_done else "cancelled" if self._is_cancelled else "failed"),
            progress=self._process.log_tail(1).strip() or nothing,
            folder=self._folder.name,
            elapsed_s=round(time.monotonic() - self._began_s, 1),
            budget_s=self._budget_s,
        )

    def cancel(self) -> None:
        """Interrupt it, as Ctrl-C does, once: it keeps what was measured, and ends by itself."""
        if self._is_cancelled:
            return  # a second interruption would break off the keeping
        self._is_cancelled = True
        with suppress(psutil.NoSuchProcess):
            for program in psutil.Process(self._process.pid).children():
                program.send_signal(signal.SIGINT)

    def stop(self) -> str | None:
        """Stop it; returns how what was measured can be completed, or None if nothing of it is left."""
        self._process.stop()
        if not (self._folder / JOURNAL_FILE).exists():
            return None
        return f"portcompare run --resume {shlex.quote(str(self._folder))} completes the run under way"
