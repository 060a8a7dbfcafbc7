"""Runs portcompare with a fault, and says what of the promises of `table.py` was not kept."""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from signal import SIGINT

import jsonschema

from docs.generate import record_schema
from portcompare.errors import InputError
from portcompare.records.results import Results
from portcompare.run.journal import JOURNAL_FILE
from portcompare.run.recording import read_run
from tests.e2e.processes import wait_until
from tests.faults import actions
from tests.faults.table import Fault

HERE = Path(__file__).parent
MARKER = "FAULT_RUN"
CANDIDATE = "bad"
END_S = 20.0  # how long the last process may take to end
LONGEST_S = 400.0

PLAN: dict[str, object] = {
    "baseline": "good",
    "candidates": [CANDIDATE],
    **{
        f"apps.{name}.{key}": value
        for name in ("wsgi", "asgi")
        for key, value in (
            ("directory", str(HERE)),
            ("target", f"service:{name}"),
            ("interface", name),
        )
    },
    "scenarios.front.request.path": "/",
    "scenarios.front.load.users": [4],
    "parity.vary": [],
    "parity.timeout_s": 1.0,
    "rounds.seconds": 0.2,
    "rounds.warmup_s": 0.1,
    "rounds.min_blocks": 3,
    "rounds.max_blocks": 3,
    "rounds.timeout_s": 1.0,
    "rounds.warmup_max_s": 2.0,
    "rounds.budget_s": 300.0,
    # Only what differs by half is a difference: two instances of one server never do.
    "rounds.margin": 0.5,
    # A busy machine discards nothing.
    "generator.max_cpu_ratio": 1.0,
    "generator.max_lag_s": 5.0,
    "generator.max_stall_s": 5.0,
}
ENDLESS = {"rounds.max_blocks": 50, "rounds.precision": 0.0001}


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A portcompare that runs."""

    process: subprocess.Popen[bytes]
    marker: str
    folder: Path

    @property
    def out(self) -> Path:
        """The run's folder."""
        return self.folder / "run"

    @property
    def live(self) -> Path:
        """The run's folder as the process sees it, which may have file systems of its own."""
        return Path(f"/proc/{self.process.pid}/root{self.out}")

    def processes(self) -> dict[int, str]:
        """The command lines of its processes and of all that they started, by process id."""
        found = {}
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and self.marker.encode() in (entry / "environ").read_bytes():
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(entry.name)] = command.decode(errors="replace")
        return found

    def is_at(self, when: str) -> bool:
        """Whether it has come so far."""
        match when:
            case "at the start":
                return len(self.processes()) > 1
            case "as servers start":
                return sum("service:" in one for one in self.processes().values()) > 1
            case "after the first rounds":
                return self.has_rounds()
            case _:
                return (self.live / "report.md").exists()

    def has_rounds(self) -> bool:
        """Whether it has recorded rounds."""
        with suppress(OSError):
            return '"round": ' in (self.live / JOURNAL_FILE).read_text()
        return False


def start(fault: Fault, server: str, folder: Path, healthy: int = 40) -> Started:
    """Start portcompare on a plan in which the candidate has the fault, if it is one of a server."""
    name, _, interface = server.partition(" ")
    served: dict[str, object] = {}
    for deployment, app in (("good", ""), (CANDIDATE, fault.app or fault.proxy or "none")):
        served[f"deployments.{deployment}.app"] = interface
        if fault.proxy:
            command = f"{sys.executable} {HERE / 'proxy.py'} '{app}' {{host}} {{port}}"
            served[f"deployments.{deployment}.command"] = command
        else:
            served[f"deployments.{deployment}.server"] = name
            served[f"deployments.{deployment}.environment.FAULT"] = app
            served[f"deployments.{deployment}.environment.HEALTHY"] = str(healthy)
    is_endless = bool(fault.action) and fault.when == "after the first rounds"
    for inside in ("tmp", "here"):
        (folder / inside).mkdir(parents=True)
    plan = folder / "plan.toml"
    values = {**PLAN, **served, **(ENDLESS if is_endless else {}), **fault.plan}
    plan.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    marker = uuid.uuid4().hex
    environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    environment |= {MARKER: marker, "TMPDIR": str(folder / "tmp"), "COLUMNS": "1000"}
    arguments = [str(plan), *(["--out", str(folder / "run")] if fault.command == "run" else [])]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [*fault.under, sys.executable, "-m", "portcompare", fault.command, *arguments, *fault.arguments],
            cwd=folder / "here",
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    return Started(process=process, marker=marker, folder=folder)


def run(fault: Fault, server: str, folder: Path) -> list[str]:
    """Run portcompare with the fault at its time; returns what is not as the table says."""
    started = start(fault, server, folder)
    try:
        if fault.action:
            wait_until(lambda: started.process.poll() is not None or started.is_at(fault.when), LONGEST_S)
            getattr(actions, fault.action)(started)
        started.process.wait(LONGEST_S)
    finally:
        problems = [*find_left(started)]
    return [*problems, *find_broken(started), *find_unlike(started, fault)]


def find_left(started: Started) -> Iterator[str]:
    """The processes and temporary files that a portcompare has left, which are ended."""
    deadline_s = time.monotonic() + END_S
    while (left := started.processes()) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    for pid, command in left.items():
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
        yield f"process {pid} is left: {command}"
    started.process.wait()
    places = (started.folder / "tmp").rglob("*"), started.folder.rglob(".*.tmp")
    yield from (f"a file is left: {path}" for place in places for path in place if path.is_file())


def find_broken(started: Started) -> Iterator[str]:
    """What no fault may ever do: a traceback, a results.json that cannot be read, a wrong verdict."""
    said = (started.folder / "said").read_text(errors="replace")
    if "Traceback" in said:
        yield f"there is a traceback: {said}"
    if (results := read(started)) is None:
        return
    if isinstance(results, str):
        yield results
        return
    problems = validator().iter_errors(json.loads((started.out / "results.json").read_text()))
    yield from (f"results.json: {one.json_path}: {one.message}" for one in problems)
    wrong = [one.metric for one in results.comparisons if one.ratio.verdict == "faster" and results.valid]
    if wrong:
        yield f"the run is valid and says faster: {', '.join(wrong)}"


@cache
def validator() -> jsonschema.Draft202012Validator:
    """The published schema of results."""
    return jsonschema.Draft202012Validator(record_schema("results"))


def read(started: Started) -> Results | str | None:
    """The results as `portcompare report` reads them; why it cannot; None if there are none."""
    path = started.out / "results.json"
    if not path.is_file():
        return None
    try:
        return read_run(started.out)
    except InputError as error:
        return str(error)


def find_unlike(started: Started, fault: Fault) -> Iterator[str]:
    """What differs from what the table says of a fault."""
    # As a shell reports it. Python may end by the signal itself, if it came inside an `exec` of an import.
    status = 130 if started.process.returncode == -SIGINT else started.process.returncode
    said = (started.folder / "said").read_text(errors="replace")
    if status not in fault.exit_codes:
        yield f"the exit code is {status} instead of {fault.exit_codes}: {said[-2000:]}"
    results = read(started)
    if isinstance(results, Results):
        more = (*results.warnings, *results.invalid_reasons, results.stop_reason)
        said = " ".join((said, *more))
        if results.valid and not results.partial and not fault.is_valid:
            yield f"the run is valid: {said[-2000:]}"
    if fault.says not in re.sub(r"\s+", " ", said):
        yield f"{fault.says!r} is not said: {said[-3000:]}"
    kept = "nothing"
    if isinstance(results, Results) and results.rounds:
        kept = "the rounds so far" if results.partial else "a whole run"
    if kept != fault.kept:
        yield f"{kept} is kept instead of {fault.kept}"
