"""`portcompare run --ci`: what a CI system shows of a run, as summary of a step and as annotations."""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from portcompare.analyse.checks import levels_of
from portcompare.cli.options import print_note
from portcompare.errors import InputError
from portcompare.masking import mask_passwords
from portcompare.plan import Plan
from portcompare.records.parity import Parity
from portcompare.records.results import Results
from portcompare.report.sections.conclusions import gate_tables
from portcompare.report.sections.responses import difference_cells, fault_texts, parity_text, sort_groups
from portcompare.report.wording import visible

_CODE = re.compile(r"(\S+\.py):(\d+)\b")  # a line of an app, as a difference names it
_LONGEST_TEXT = 120  # of what two responses hold


def show_in_ci(results: Results, plan: Plan, whole: Plan, folder: Path) -> None:
    """Write a run's report where the CI system shows it, and annotate what is wrong.

    `plan`: what was measured of the `whole`, which is as its file has it; `folder`: the run's.
    """
    _print(_annotate_run(results, plan, whole))
    _summarise((folder / "report.md").read_text(encoding="utf-8"))


def show_error(error: BaseException) -> None:
    """Write where the CI system shows it why there is no run."""
    if isinstance(error, InputError):
        _print(_annotate("error", one.where, "Wrong input", f"{one}") for one in error.problems)
    else:
        _print([_annotate("error", "", "No result", str(error))])
    text = mask_passwords(str(error)).replace("```", "'''")
    _summarise(f"# portcompare: no result\n\n```\n{text}\n```\n")


def has_summary() -> bool:
    """Whether the CI system shows a summary of the step."""
    return bool(os.environ.get("GITHUB_STEP_SUMMARY"))


def _summarise(text: str) -> None:
    if not has_summary():
        sys.stdout.write(text)
        return
    try:
        with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
            summary.write(text)
    except OSError as error:
        print_note(f"warning: the summary of the step cannot be written: {error}")


def _print(annotations: Iterator[str] | list[str]) -> None:
    if os.environ.get("GITHUB_ACTIONS"):
        sys.stdout.writelines(f"{line}\n" for line in annotations)
        sys.stdout.flush()


def _annotate_run(results: Results, plan: Plan, whole: Plan) -> Iterator[str]:
    """What fails a run: responses, or else the measurement, or else gates; the first alone."""
    parity = results.parity
    if parity is not None and parity.verdict != "alike":
        yield from _annotate_parity(parity, plan)
    elif not results.valid:
        text = f"{results.headline} {'; '.join(results.invalid_reasons)}"
        yield _annotate("error", "", "The measurement is not valid", text)
    else:
        yield from _annotate_gates(results, plan, whole)


def _annotate_parity(parity: Parity, plan: Plan) -> Iterator[str]:
    for fault in parity.faults:
        found, _, remedy = fault_texts(fault)
        yield _annotate("error", str(plan.path), "Fault of the plan", f"{found}: {remedy}")
    if parity.verdict == "not compared":
        yield _annotate("error", str(plan.path), "Responses not compared", parity_text(parity))
    own, known, _ = sort_groups(parity)
    for group in (each for each in (*own, *known) if each.first.counts):
        case, arms, _, place, baseline, candidate = difference_cells(group, _LONGEST_TEXT)
        text = f"{case}: {place}: {baseline} on the baseline, {candidate} on {arms}"
        code = _CODE.search(group.first.cause or group.first.pointer)
        yield _annotate("error", code[0] if code else "", "Responses differ", text)


def _annotate_gates(results: Results, plan: Plan, whole: Plan) -> Iterator[str]:
    places = [whole.gates.index(gate) for gate in plan.gates for _ in levels_of(plan, gate)]
    rows = [row for table in gate_tables(results) for row in table.rows]
    for place, gate, (name, limit, ratio, interval, outcome, reason) in zip(
        places, results.gates, rows, strict=True
    ):
        if gate.check.outcome != "kept":
            found = f"is {ratio} {interval}, " if gate.check.value.interval else ""
            title, kind = ("Gate not decided", "warning") if gate.passed else ("Gate not passed", "error")
            text = f"{name} must be {limit}: {found}{outcome}: {reason}"
            yield _annotate(kind, whole.where("gates", place), title, text)


def _annotate(kind: str, where: str, title: str, text: str) -> str:
    """A line that GitHub shows at its place: `where` is a file with a key of it, or with a line."""
    file, _, key = where.partition(": ")
    code = _CODE.fullmatch(file)
    path = Path(code[1] if code else file)
    place: dict[str, object] = {}
    if path.is_file():
        line: int | None = int(code[2]) if code else find_line(path, key)
        place["file"] = os.path.relpath(path, os.environ.get("GITHUB_WORKSPACE"))
        if line is not None:
            place["line"] = line
    named = ",".join(
        f"{name}={_escape(str(value), ':,')}" for name, value in (place | {"title": title}).items()
    )
    return f"::{kind} {named}::{_escape(mask_passwords(text))}"


def _escape(text: str, special: str = "") -> str:
    """A text that ends no command of GitHub's and begins none, whatever it holds."""
    text = "\n".join(map(visible, text.splitlines()))
    return "".join(f"%{ord(char):02X}" if char in f"%\n{special}" else char for char in text)


def find_line(plan_path: Path, key: str) -> int | None:
    """The line of a plan on which a key begins, or else the table that has it; None if there is none."""
    arrays: Counter[str] = Counter()
    table = ""
    found: int | None = None
    lines = plan_path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, text in enumerate(lines, 1):
        header = re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]", text)
        entry = re.match(r'\s*("[^"]+"|[\w.-]+)\s*=', text)
        if header is not None:
            name = table = header[2].replace('"', "")
            if header[1] == "[[":
                name = table = f"{table}.{arrays[table]}"
                arrays[header[2]] += 1
        elif entry is not None:
            name = f"{table}.{entry[1]}".replace('"', "").lstrip(".")
        else:
            continue
        if key == name or key.startswith(f"{name}."):
            found = number
    return found
