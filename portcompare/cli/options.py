"""What several commands share: arguments, options, and printing."""

import json
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from portcompare.errors import (
    EXIT_BAD_INPUT,
    EXIT_COMPARISON_SAYS_NO,
    EXIT_DONE,
    EXIT_NOT_VALID,
    InputError,
    Problem,
    refuse,
)
from portcompare.masking import mask_passwords
from portcompare.plan import Plan, load_plan
from portcompare.plan.types import MOST_RPS, MOST_S, MOST_USERS
from portcompare.records.parity import Parity
from portcompare.records.results import Results
from portcompare.report.formats.terminal import render_conclusions, render_parity, render_screen, render_table
from portcompare.report.wording import visible_lines
from portcompare.run.progress import err, out
from portcompare.serve.servers import vocabulary

PlanPath = Annotated[Path, Argument(metavar="[PLAN]", help="the plan file")]
DEFAULT_PLAN = Path("loadtests/plan.toml")

ProjectPath = Annotated[
    Path, Argument(metavar="[FOLDER]", help="the Flask project's folder", show_default="this one")
]

Verbose = Annotated[bool, Option("--verbose", help="print all figures and sentences, not one screen")]

AsJson = Annotated[bool, Option("--json", help="print only the results, as versioned JSON, on stdout")]

Scenarios = Annotated[
    list[str] | None, Option("--scenario", metavar="NAME", help="only this scenario; may be repeated")
]
Users = Annotated[
    str | None, Option("--users", metavar="N[,N]", help="numbers of users, instead of the scenarios' loads")
]
Rate = Annotated[
    float | None,
    Option("--rate", min=0.1, max=MOST_RPS, help="requests per second, instead of the scenarios' loads"),
]

MOST_PROCESSES = 1000
Processes = Annotated[
    int,
    Option(
        "--processes", min=1, max=MOST_PROCESSES, help="load-generator processes on this machine, one per CPU"
    ),
]
ExpectWorkers = Annotated[
    int,
    Option(
        "--expect-workers",
        min=0,
        max=MOST_PROCESSES,
        metavar="N",
        help="wait for N `portcompare worker` processes, which then generate the load",
        show_default=False,
    ),
]
Listen = Annotated[
    str | None,
    Option(
        "--listen",
        metavar="HOST[:PORT]",
        help="where to wait for workers; anyone who reaches it can join: use a private network",
    ),
]


def read_plan(path: Path, known: Iterable[Problem] = ()) -> Plan:
    """Read a plan; raises InputError with every problem of the plan, and those that are known already."""
    known = tuple(known)
    try:
        plan = load_plan(path, vocabulary())
    except InputError as error:
        raise InputError([*error.problems, *known]) from error
    if known:
        raise InputError(known)
    return plan


def find_project(path: Path) -> Path:
    """Make the path of a project absolute; raises InputError if there is no such folder."""
    folder = path.resolve()
    if not folder.is_dir():
        raise refuse(str(path), "there is no such folder", "name the folder that contains the Flask app")
    return folder


_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h)?")
_UNITS_S = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def read_duration(flag: str, text: str) -> float:
    """Read a duration, in seconds; raises InputError if the text is not one."""
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    if not 0 < seconds <= MOST_S:
        remedy = "write seconds, or a number and its unit, up to a day: 90, 120s, 5m, 1h"
        raise refuse(flag, f"{text[:40]!r} is no duration that a run can have", remedy)
    return seconds


def read_numbers(flag: str, text: str) -> tuple[int, ...]:
    """Read numbers between commas; raises InputError if the text is something else."""
    numbers = tuple(map(int, text.split(","))) if re.fullmatch("[0-9]{1,9}(,[0-9]{1,9})*", text) else (0,)
    if min(numbers) < 1 or max(numbers) > MOST_USERS:
        remedy = f"write numbers from 1 to {MOST_USERS:,} with commas between them: 1,64"
        raise refuse(flag, f"is {text!r}", remedy)
    return numbers


@contextmanager
def writing(where: str) -> Iterator[None]:
    """Refuse what the user named for the output if it cannot be written."""
    try:
        yield
    except OSError as error:
        remedy = "make the folder writable, or name one that you may write to"
        raise refuse(where, f"cannot be written: {error.strerror}", remedy) from error


def parity_exit_code(parity: Parity) -> int:
    """The exit code of a check: a request of the plan that does not work comes before all else."""
    codes = {"alike": EXIT_DONE, "different": EXIT_COMPARISON_SAYS_NO, "not compared": EXIT_NOT_VALID}
    return EXIT_BAD_INPUT if parity.faults else codes[parity.verdict]


SCHEMA_VERSION = 2  # of what check, doctor, init and load print as JSON


def print_json(data: object) -> None:
    """Print data as JSON on stdout, unchanged by the terminal."""
    print_json_text(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def print_json_text(text: str) -> None:
    """Print JSON on stdout, control characters as the escapes that JSON has for them."""
    sys.stdout.write(_UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text))


def print_line(text: str) -> None:
    """Print a line on stdout whole: it may contain brackets, and paths must not be broken."""
    out.print(visible_lines(text), soft_wrap=True, markup=False)


def print_next(folder: Path, command: str) -> None:
    """Print the command that comes next, with a change to the folder that it must run in."""
    change_folder = "" if folder == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    print_line(f"next: {change_folder}{command}")


def print_results(results: Results, path: Path, *, verbose: bool) -> None:
    """Print a run on stdout: in one screen, or all of it."""
    if not verbose:
        for line in render_screen(results, str(path)):
            out.print(line, soft_wrap=True)
        return
    out.print(render_table(results))
    out.print(render_conclusions(results))
    if results.parity is not None and not results.parity.equal:
        out.print(render_parity(results.parity), crop=False)
    print_line(f"\nreport: {path}")


def print_note(text: str) -> None:
    """Print a line on stderr whole."""
    err.print(visible_lines(mask_passwords(text)), soft_wrap=True, markup=False)
