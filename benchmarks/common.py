"""What the benchmarks share: sides in turn, medians and spreads, verdicts, and figures put into the docs."""

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import permutations
from pathlib import Path
from typing import TypeVar

from portcompare.records.results import RESULTS_FILE, Results
from portcompare.report.formats.results_file import read_results

Result = TypeVar("Result")

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"


def in_turn(sides: Mapping[str, Callable[[], Result]], rounds: int) -> dict[str, list[Result]]:
    """Run all sides alternately, in another order each round, and show how far it is.

    The orders are all that there are, one after the other: so each side comes as often first, last, and after
    each other one, when the number of rounds is a multiple of theirs.

    Args:
        sides: What to run, by name.
        rounds: How often each of them runs.

    Returns:
        What each side returned, in the order of the rounds.
    """
    results: dict[str, list[Result]] = {name: [] for name in sides}
    orders = list(permutations(sides))
    for turn in range(rounds):
        for name in orders[turn % len(orders)]:
            print(f"round {turn + 1} of {rounds}: {name}", file=sys.stderr)
            results[name].append(sides[name]())
    return results


def spread(values: Iterable[float]) -> str:
    """Median, and the range from the least to the greatest."""
    known = sorted(values)
    return f"{statistics.median(known):,.4g} ({known[0]:,.4g} to {known[-1]:,.4g})"


def ratios(candidate: Sequence[float], baseline: Sequence[float]) -> list[float]:
    """The ratio of each round, whose sides ran one after the other."""
    return [one / other for one, other in zip(candidate, baseline, strict=True)]


def verdict(*, met: bool) -> str:
    """What a target figure came to."""
    return "met" if met else "**missed**"


def is_near(measured_s: float, reference_s: float, *, share: float, floor_s: float) -> bool:
    """Whether a latency is as near to another one as it shall be.

    Args:
        measured_s: The one.
        reference_s: The other, in seconds too.
        share: How far apart they may be, as part of the other.
        floor_s: How far apart they may be in any case, in seconds.
    """
    return abs(measured_s - reference_s) <= max(share * reference_s, floor_s)


def row(*cells: object) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def header(*names: str) -> list[str]:
    """The first two rows of a Markdown table."""
    return [row(*names), f"|{'---|' * len(names)}"]


def versions(*packages: str) -> str:
    """The versions of installed packages."""
    return ", ".join(f"{name} {version(name)}" for name in packages)


def run_plan(plan: Path, folder: Path) -> Results:
    """Run a plan, unless that was done.

    Args:
        plan: The plan file.
        folder: The run's folder; what it holds already is not measured again.

    Returns:
        What the run found; one that is too noisy, or that says no, says so in there.

    Raises:
        ValueError: The run broke off.
    """
    if not (folder / RESULTS_FILE).exists():
        command = [sys.executable, "-m", "portcompare", "run", str(plan), "--out", str(folder)]
        subprocess.run(command, check=False)
    results = read_results(folder / RESULTS_FILE)
    if results.partial:
        raise ValueError(f"the run in {folder} broke off; remove it and measure again")
    return results


def publish(section: str, lines: Sequence[str], page: Path = PAGE, *, dry: bool = False) -> None:
    """Print figures, and put them into the docs under their heading, with the date and the machine's size.

    Args:
        section: The page marks its place as `<!-- section: begin -->` and `<!-- section: end -->`.
        lines: Markdown.
        page: The page.
        dry: Only print them.

    Raises:
        ValueError: If the page has no such place; the figures are printed all the same.
    """
    machine = f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}"
    text = "\n".join([f"*{datetime.now(UTC):%Y-%m-%d}, {machine}*", "", *lines]) + "\n"
    print(text)
    if dry:
        return
    begin, end = f"<!-- {section}: begin -->\n", f"<!-- {section}: end -->\n"
    before, has_begin, rest = page.read_text(encoding="utf-8").partition(begin)
    _, has_end, after = rest.partition(end)
    if not has_begin or not has_end:
        raise ValueError(f"{page} has no section {section!r}")
    page.write_text(before + begin + text + end + after, encoding="utf-8")
